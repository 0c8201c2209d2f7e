/** How faults of Redis are told apart: what a router may put right itself, and what its caller must hear of. */
import { PartlyUnavailable, StoreUnavailable, type StoreFault } from '@cluster/session';

/** A reply of an error, kept as a value until somebody decides what to do about it. */
export class Fault {
  readonly error: Error;

  constructor(error: Error) {
    this.error = error;
  }

  /** The error's first word: `MOVED`, `NOSCRIPT`, … */
  get kind(): string {
    return this.error.message.split(' ', 1)[0] ?? '';
  }

  /** `MOVED 3999 127.0.0.1:6381` and `ASK …` name the node to ask instead; an empty host is the one that answered. */
  get target(): { slot: number; host: string; port: number } {
    const [, slot, address] = this.error.message.split(' ');
    const colon = address?.lastIndexOf(':') ?? -1;
    return { slot: Number(slot), host: address?.slice(0, colon) ?? '', port: Number(address?.slice(colon + 1)) };
  }
}

export function unavailable(why: string, cause?: unknown, reason: StoreFault = 'away'): StoreUnavailable {
  const detail = cause instanceof Error ? `: ${cause.message}` : '';
  return new StoreUnavailable(`Redis: ${why}${detail}`, { cause, reason });
}

/** Makes something of each reply of a batch, those of one that failed in part too. */
export async function mapEach<T, R>(batch: Promise<readonly T[]>, make: (reply: T) => R): Promise<R[]> {
  try {
    return (await batch).map(make);
  } catch (error) {
    throw error instanceof PartlyUnavailable ? (error as PartlyUnavailable<T>).map(make) : error;
  }
}

/**
 * Gives what `work` gives, or fails when it took too long. The work itself is not stopped. An answer that lies in the
 * socket when a blocked event loop wakes up late is still read: timers come before sockets there, and immediates after.
 */
export async function within<T>(timeoutMs: number, what: string, work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  let lastChance: NodeJS.Immediate | undefined;
  const timer = setTimeout(() => {
    lastChance = setImmediate(() => reject(unavailable(`${what} took longer than ${timeoutMs} ms`, undefined, 'overdue')));
  }, timeoutMs);
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
    clearImmediate(lastChance);
  }
}
