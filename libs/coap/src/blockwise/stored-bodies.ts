/** Bodies of responses, kept until their peers have fetched them by Block2. */
import type { EngineContext } from '../context.ts';
import type { Peer } from '../peers.ts';
import { workOf } from '../peer-work.ts';
import { Timer } from '../timers.ts';
import type { Body } from './slices.ts';

/** One body, kept for one peer. */
export interface StoredBody {
  readonly peer: Peer;
  readonly key: string;
  readonly body: Body;
  readonly timer: Timer;
}

/** All bodies that are kept, oldest first. */
export class BodyStore {
  readonly #context: EngineContext;
  readonly #bodies = new Set<StoredBody>();
  #bytes = 0;

  constructor(context: EngineContext) {
    this.#context = context;
  }

  /** How many bodies are kept, and how many bytes they hold. */
  get usage(): { readonly count: number; readonly bytes: number } {
    return { count: this.#bodies.size, bytes: this.#bytes };
  }

  /** The body of a key; asking for it keeps it longer. */
  find(nowMs: number, peer: Peer, key: string): Body | undefined {
    const stored = peer.work?.bodies.find((candidate) => candidate.key === key);
    if (stored === undefined) return undefined;
    this.#touch(nowMs, stored);
    return stored.body;
  }

  /** Keeps a body in place of an earlier one of its key. One that is over the limit alone is not kept. */
  put(nowMs: number, peer: Peer, key: string, body: Body): void {
    const { limits } = this.#context;
    this.remove(peer, key);
    if (body.payload.length > Math.min(limits.maxBodyBytes, limits.maxStoredBodyBytes)) return;
    const work = workOf(peer);
    if (work.bodies.length >= limits.bodiesPerPeer) this.#evict(work.bodies[0]!);
    for (const oldest of this.#bodies) {
      const fits = this.#bytes + body.payload.length <= limits.maxStoredBodyBytes;
      if (fits && this.#bodies.size < limits.maxBodies) break;
      this.#evict(oldest);
    }
    const stored: StoredBody = { peer, key, body, timer: new Timer(() => this.#expire(stored)) };
    work.bodies.push(stored);
    this.#bodies.add(stored);
    this.#bytes += body.payload.length;
    this.#touch(nowMs, stored);
  }

  /** Forgets the body of a key: its resource is asked for anew. */
  remove(peer: Peer, key: string): void {
    const stored = peer.work?.bodies.find((candidate) => candidate.key === key);
    if (stored !== undefined) this.#drop(stored);
  }

  #touch(nowMs: number, stored: StoredBody): void {
    this.#context.timers.set(stored.timer, nowMs + this.#context.parameters.blockTransferTimeoutMs);
  }

  #evict(stored: StoredBody): void {
    this.#context.counters.limited.bodiesEvicted++;
    this.#drop(stored);
  }

  #expire(stored: StoredBody): void {
    this.#drop(stored);
  }

  #drop(stored: StoredBody): void {
    const bodies = stored.peer.work!.bodies;
    bodies.splice(bodies.indexOf(stored), 1);
    this.#bodies.delete(stored);
    this.#bytes -= stored.body.payload.length;
    this.#context.timers.cancel(stored.timer);
  }
}
