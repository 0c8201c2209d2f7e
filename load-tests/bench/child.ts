/** Helpers of the benchmark as processes of their own, called over Node's IPC channel, so that their CPU time is told apart. */
import { fork } from 'node:child_process';
import { once } from 'node:events';

/** What a child does for its parent; arguments and results are plain JSON. */
export type Methods = Readonly<Record<string, (argument: never) => unknown>>;

export interface Child<M extends Methods> {
  /** Rejects with the child's error, or when it ends. */
  call<K extends keyof M & string>(method: K, argument: Parameters<M[K]>[0]): Promise<Awaited<ReturnType<M[K]>>>;
  stop(): Promise<void>;
}

interface Call {
  readonly id: number;
  readonly method: string;
  readonly argument: unknown;
}

interface Answer {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: string;
}

/** No call of the benchmark takes that long. */
const PATIENCE_MS = 120_000;

/** Starts a TypeScript file that ends with {@link serve}. */
export function startChild<M extends Methods>(file: string): Child<M> {
  const execArgv = ['--conditions=@cluster/source', '--disable-warning=TimeoutNegativeWarning']; // kafkajs warns
  const child = fork(file, { execArgv, serialization: 'json' });
  const waiting = new Map<number, { resolve: (result: never) => void; reject: (error: Error) => void }>();
  let last = 0;
  child.on('message', (answer: Answer) => {
    const call = waiting.get(answer.id);
    waiting.delete(answer.id);
    if (answer.error === undefined) call?.resolve(answer.result as never);
    else call?.reject(new Error(answer.error));
  });
  child.once('exit', (code) => {
    for (const call of waiting.values()) call.reject(new Error(`${file} ended with ${code}`));
    waiting.clear();
  });
  return {
    call: (method, argument) =>
      new Promise((resolve, reject) => {
        const id = ++last;
        const timer = setTimeout(() => reject(new Error(`${method} took longer than ${PATIENCE_MS} ms`)), PATIENCE_MS);
        const over = <T extends unknown[]>(end: (...told: T) => void) => (...told: T): void => {
          clearTimeout(timer);
          end(...told);
        };
        waiting.set(id, { resolve: over(resolve), reject: over(reject) });
        child.send({ id, method, argument: argument as unknown } satisfies Call);
      }),
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill();
      await once(child, 'exit');
    },
  };
}

/** Answers the parent's calls until it lets go. */
export function serve(methods: Methods): void {
  process.on('message', (call: Call) => void answer(methods, call));
  process.once('disconnect', () => process.exit(0));
}

async function answer(methods: Methods, { id, method, argument }: Call): Promise<void> {
  let told: Answer;
  try {
    told = { id, result: (await methods[method]?.(argument as never)) ?? null };
  } catch (error) {
    told = { id, error: String(error) };
  }
  process.send?.(told);
}
