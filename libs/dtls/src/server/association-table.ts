/** The live associations of one engine: found by handle, by CID, or by address where no CID was agreed; bounded. */
import type { Association } from './association.ts';

/** Bytes as a key of a map. */
export function bytesKey(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

export class AssociationTable {
  readonly #max: number;
  readonly #byHandle = new Map<number, Association>();
  readonly #byCid = new Map<string, Association>();
  readonly #byPeer = new Map<string, Association>();

  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#byHandle.size;
  }

  get(handle: number): Association | undefined {
    return this.#byHandle.get(handle);
  }

  byCid(cid: Uint8Array): Association | undefined {
    return this.#byCid.get(bytesKey(cid));
  }

  /** Only of those whose peers put no CID on their records. */
  byPeer(peer: string): Association | undefined {
    return this.#byPeer.get(peer);
  }

  /** Adds one; returns those that must give way: the former one of the address, and one unused for long where there is no room. */
  add(association: Association): { replaced?: Association; evicted?: Association } {
    const evicted = this.#byHandle.size >= this.#max ? this.#leastUsed() : undefined;
    this.#byHandle.set(association.handle, association);
    if (association.fixed.cidAgreed) {
      this.#byCid.set(bytesKey(association.fixed.cid), association);
      return { ...(evicted && { evicted }) };
    }
    const replaced = this.#byPeer.get(association.peer);
    this.#byPeer.set(association.peer, association);
    return { ...(evicted && { evicted }), ...(replaced && { replaced }) };
  }

  remove(association: Association): void {
    this.#byHandle.delete(association.handle);
    if (association.fixed.cidAgreed) this.#byCid.delete(bytesKey(association.fixed.cid));
    else if (this.#byPeer.get(association.peer) === association) this.#byPeer.delete(association.peer);
  }

  /** The clock algorithm: who was used since the hand last passed goes to the end. */
  #leastUsed(): Association | undefined {
    for (const [handle, association] of this.#byHandle) {
      if (!association.used) return association;
      association.used = false;
      this.#byHandle.delete(handle);
      this.#byHandle.set(handle, association);
    }
    return undefined;
  }
}
