/** The peers an engine remembers: found by address, forgotten when silent for long or when there are too many. */
import type { EngineContext } from './context.ts';
import type { Exchange } from './deduplication.ts';
import { exchangeLifetimeMs } from './parameters.ts';
import type { PeerWork } from './peer-work.ts';
import { Timer } from './timers.ts';

const NO_EXCHANGES: readonly Exchange[] = [];

/** One remote endpoint. Small: an idle device has nothing but its last exchanges. */
export class Peer {
  readonly address: string;
  lastSeenMs = 0;
  /** The last exchanges that this peer began, a ring whose oldest is at `cursor`; see deduplication.ts. */
  exchanges: readonly Exchange[] = NO_EXCHANGES;
  /** Their message ids, side by side so that looking for one touches little memory. */
  messageIds: number[] = [];
  cursor = 0;
  /** What goes on with this peer beyond single exchanges; most peers never have any. */
  work: PeerWork | undefined;
  /** Neighbours in the order of last use. Owned by the table. */
  newer: Peer | undefined;
  older: Peer | undefined;

  constructor(address: string) {
    this.address = address;
  }
}

/** How many of the oldest peers are looked at for one that may be forgotten. */
const EVICTION_TRIES = 8;
const SWEEP_INTERVAL_MS = 5_000;

/** Peers by address, in order of their last use. */
export class PeerTable {
  readonly #context: EngineContext;
  readonly #release: (peer: Peer) => void;
  readonly #peers = new Map<string, Peer>();
  readonly #lifetimeMs: number;
  readonly #sweep = new Timer((nowMs) => this.#forgetSilent(nowMs));
  #newest: Peer | undefined;
  #oldest: Peer | undefined;

  /** `release` is told of each peer that is forgotten. */
  constructor(context: EngineContext, release: (peer: Peer) => void) {
    this.#context = context;
    this.#release = release;
    this.#lifetimeMs = exchangeLifetimeMs(context.parameters);
  }

  get size(): number {
    return this.#peers.size;
  }

  /** The peer at an address, if there is one. */
  find(address: string): Peer | undefined {
    return this.#peers.get(address);
  }

  /** The peer at an address, now the most recent; undefined if there is no room for a new one. */
  touch(address: string, nowMs: number): Peer | undefined {
    let peer = this.#peers.get(address);
    if (peer === undefined) {
      if (!this.#makeRoom()) return undefined;
      peer = new Peer(address);
      this.#peers.set(address, peer);
      this.#append(peer);
      if (this.#sweep.index < 0) this.#context.timers.set(this.#sweep, nowMs + this.#lifetimeMs);
    } else if (peer !== this.#newest) {
      this.#unlink(peer);
      this.#append(peer);
    }
    peer.lastSeenMs = nowMs;
    return peer;
  }

  #makeRoom(): boolean {
    if (this.#peers.size < this.#context.limits.maxPeers) return true;
    for (let tries = 0; tries < EVICTION_TRIES; tries++) {
      const peer = this.#oldest!;
      if (!isBusy(peer)) {
        this.#forget(peer);
        this.#context.counters.limited.peersEvicted++;
        return true;
      }
      this.#unlink(peer);
      this.#append(peer);
    }
    this.#context.counters.limited.peersRefused++;
    return false;
  }

  #forgetSilent(nowMs: number): void {
    for (let peer = this.#oldest; peer !== undefined && peer.lastSeenMs + this.#lifetimeMs <= nowMs; peer = this.#oldest) {
      if (isBusy(peer)) this.touch(peer.address, nowMs);
      else this.#forget(peer);
    }
    if (this.#oldest === undefined) return;
    const nextMs = this.#oldest.lastSeenMs + this.#lifetimeMs;
    this.#context.timers.set(this.#sweep, Math.max(nextMs, nowMs + SWEEP_INTERVAL_MS));
  }

  #forget(peer: Peer): void {
    this.#peers.delete(peer.address);
    this.#unlink(peer);
    this.#release(peer);
  }

  #append(peer: Peer): void {
    peer.older = this.#newest;
    peer.newer = undefined;
    if (this.#newest === undefined) this.#oldest = peer;
    else this.#newest.newer = peer;
    this.#newest = peer;
  }

  #unlink(peer: Peer): void {
    if (peer.older === undefined) this.#oldest = peer.newer;
    else peer.older.newer = peer.newer;
    if (peer.newer === undefined) this.#newest = peer.older;
    else peer.newer.older = peer.older;
  }
}

function isBusy(peer: Peer): boolean {
  return peer.work !== undefined && peer.work.busy;
}
