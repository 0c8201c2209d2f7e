/** The inspector of a Node process: collects its garbage, reads its memory, profiles it. */
import { once } from 'node:events';

export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** What was allocated, by the call tree that did so. */
export interface AllocationNode {
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  readonly selfSize: number;
  readonly children: readonly AllocationNode[];
}

/** Bytes between two samples: fine enough for sites of a few bytes a message, coarse enough to be cheap. */
const SAMPLE_BYTES = 4_096;

export class Inspector {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, { resolve: (result: never) => void; reject: (error: Error) => void }>();
  #last = 0;

  static async connect(url: string): Promise<Inspector> {
    const socket = new WebSocket(url);
    await once(socket, 'open');
    return new Inspector(socket);
  }

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener('message', ({ data }) => {
      const { id, result, error } = JSON.parse(String(data)) as { id: number; result?: never; error?: { message: string } };
      const call = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error === undefined) call?.resolve(result as never);
      else call?.reject(new Error(error.message));
    });
  }

  /** Bytes that live after a full collection: JavaScript heap and the buffers that it holds. */
  async liveBytes(): Promise<number> {
    await this.#call('HeapProfiler.collectGarbage');
    const expression = '(({ heapUsed, external }) => heapUsed + external)(process.memoryUsage())';
    const { result } = await this.#call<{ result: { value: number } }>('Runtime.evaluate', { expression, returnByValue: true });
    return result.value;
  }

  async startProfile(): Promise<void> {
    await this.#call('Profiler.enable');
    await this.#call('Profiler.start');
  }

  async stopProfile(): Promise<CpuProfile> {
    return (await this.#call<{ profile: CpuProfile }>('Profiler.stop')).profile;
  }

  /** Begins to sample what is allocated, collected meanwhile or not. */
  async startAllocations(): Promise<void> {
    await this.#call('HeapProfiler.startSampling', { samplingInterval: SAMPLE_BYTES, includeObjectsCollectedByMajorGC: true, includeObjectsCollectedByMinorGC: true });
  }

  async stopAllocations(): Promise<AllocationNode> {
    return (await this.#call<{ profile: { head: AllocationNode } }>('HeapProfiler.stopSampling')).profile.head;
  }

  close(): void {
    this.#socket.close();
  }

  #call<T>(method: string, params: object = {}): Promise<T> {
    return new Promise((resolve, reject) => {
      const id = ++this.#last;
      this.#waiting.set(id, { resolve, reject });
      this.#socket.send(JSON.stringify({ id, method, params }));
    });
  }
}
