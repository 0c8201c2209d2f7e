/**
 * Keeps DTLS associations so that they outlive their worker: sealed keys under the Connection ID, and in the device's slot
 * what moves. The worker that holds one writes its slot by version; a takeover is the write of another.
 */
import { concatBytes, EMPTY_BYTES, equalBytes } from '@cluster/bytes';
import {
  type AssociationFixed, type AssociationMoving, type Credential, decodeFixed, decodeMoving, encodeMoving, type StoredAssociation, type TakeoverAnswer,
} from '@cluster/dtls';
import type { Sealer } from '@cluster/secrets';
import { BoundedCache } from '../credentials/bounded-cache.ts';
import type { Rng } from '../identifiers.ts';
import type { DeviceNumber } from '../ports.ts';
import { type Advance, type Advanced, nameOf, namesOf, nextVersion, type OwnedSlot, OwnedSlots } from './owned-slots.ts';
import { decodeSlot, encodeSlot, type Slot } from './slot.ts';
import type { AssociationStore } from './store.ts';

/** What a handshake made. Shaped as the engine's question `store-wanted`. */
export interface NewAssociation {
  readonly cid: Uint8Array;
  readonly credential: Credential;
  readonly fixed: Uint8Array;
  readonly moving: Uint8Array;
  readonly lastFlight?: Uint8Array;
  readonly provisional: boolean;
}

/** Shaped as the engine's question `takeover-wanted`. */
export interface Takeover {
  readonly cid: Uint8Array;
  readonly credential: Credential;
  readonly fence: number;
  readonly ceiling: number;
  readonly moveTo?: string;
}

interface Deps {
  readonly store: AssociationStore;
  readonly sealer: Sealer;
  readonly rng: Rng;
  /** Whether what was made with the credentials still holds. */
  readonly areLive: (credentials: readonly Credential[]) => Promise<boolean[]>;
  /** How long an association may be silent. */
  readonly ttlMs: number;
  /** Numbers reserved by a takeover. */
  readonly sendBlock: number;
  /** Any clock that does not go back. */
  readonly nowMs: () => number;
  /** Hears of each association that was given up, since the store had lost a write of it. */
  readonly abandoned: () => void;
}

interface Opened {
  readonly bytes: Uint8Array;
  readonly fixed: AssociationFixed;
  readonly lastFlight: Uint8Array | undefined;
}

/** A client repeats its last flight for so long at most. */
const LAST_FLIGHT_MS = 120_000;
/** An abbreviated handshake is completed, or was not, within this time. */
const PROVISIONAL_MS = 180_000;
/** A store that fails over has told what it lost by then. */
const FORMER_MS = 600_000;
/** What was read or stored, and waits to be taken over or established. */
const MAX_PENDING = 20_000;
const TRIES = 4;

/** Calls reject with `StoreUnavailable` where the store is away. */
export class AssociationKeeper {
  readonly #deps: Deps;
  readonly #owned: OwnedSlots;
  /** What the store was seen to have of associations that were this worker's. */
  readonly #former = new BoundedCache<string, AssociationMoving>(MAX_PENDING, FORMER_MS);
  readonly #pending = new BoundedCache<string, OwnedSlot>(MAX_PENDING, PROVISIONAL_MS);

  constructor(deps: Deps) {
    this.#deps = deps;
    this.#owned = new OwnedSlots(deps.store, deps);
  }

  get size(): number {
    return this.#owned.size;
  }

  /** Stores what handshakes made, all parts of it. One that is provisional leaves the device's slot as it is. */
  async put(list: readonly NewAssociation[]): Promise<boolean[]> {
    const { store, ttlMs } = this.#deps;
    await store.putSealed(list.flatMap((one) => this.#sealedParts(one, ttlMs)));
    const full = list.filter(({ provisional }) => !provisional);
    for (const one of list) if (one.provisional) this.#remember(one.cid, { number: one.credential.deviceNumber, version: 0, slot: slotOf(one, EMPTY_BYTES) });
    const stored = await Promise.all(full.map((one) => this.#replace(one.credential.deviceNumber, () => slotOf(one, one.cid))));
    for (const owned of stored) if (owned !== undefined) this.#remember(owned.slot.moving.cid, owned);
    return list.map((one) => one.provisional || stored[full.indexOf(one)] !== undefined);
  }

  /** An association was established here: from now on this worker owns it. A provisional one becomes the device's now. */
  async establish(cid: Uint8Array): Promise<boolean> {
    const name = nameOf(cid);
    const pending = this.#pending.get(name, this.#deps.nowMs());
    if (pending === undefined) return false;
    const owned = pending.version > 0 ? pending : await this.#install(name, pending);
    this.#pending.delete(name);
    if (owned !== undefined) this.#owned.own(name, owned);
    return owned !== undefined;
  }

  async #install(name: string, { number, slot }: OwnedSlot): Promise<OwnedSlot | undefined> {
    await this.#deps.store.extendSealed([name], this.#deps.ttlMs);
    return this.#replace(number, (former) => ({ ...slot, session: former?.session ?? EMPTY_BYTES }));
  }

  /** An association as it is stored; undefined where there is none, or its credential is over. */
  async find(cid: Uint8Array): Promise<StoredAssociation> {
    const opened = await this.#open(cid);
    return opened && this.#found(opened, opened.fixed.credential.deviceNumber);
  }

  /** The association that a device has now. */
  async findOf(number: DeviceNumber): Promise<StoredAssociation> {
    const [stored] = await this.#deps.store.loadSlots([number]);
    const slot = stored && decodeSlot(stored.record);
    return slot === undefined || slot.moving.cid.length === 0 ? undefined : this.find(slot.moving.cid);
  }

  /** What may be resumed under a session id; undefined where there is none, or its credential is over. */
  async session(id: Uint8Array): Promise<{ fixed: Uint8Array; provedAtMs: number } | undefined> {
    const opened = await this.#open(id);
    if (opened === undefined) return undefined;
    const [live] = await this.#deps.areLive([opened.fixed.credential]);
    return live === true ? { fixed: opened.bytes, provedAtMs: opened.fixed.provedAtMs } : undefined;
  }

  /** Raises the fence, stores ceiling and address and reserves numbers, all in one step on what {@link find} read. */
  async takeOver({ cid, fence, ceiling, moveTo }: Takeover): Promise<TakeoverAnswer> {
    const name = nameOf(cid);
    const read = this.#pending.get(name, this.#deps.nowMs());
    if (read === undefined || read.slot.moving.fence !== fence) return undefined;
    this.#pending.delete(name);
    const { moving } = read.slot;
    const next = {
      ...moving, fence: fence + 1, sendEnd: moving.sendEnd + this.#deps.sendBlock, receiveCeiling: Math.max(moving.receiveCeiling, ceiling), peer: moveTo ?? moving.peer,
    };
    const owned = await this.#commit({ ...read, slot: { ...read.slot, moving: next } });
    if (owned === undefined) return undefined;
    this.#remember(cid, owned);
    this.#deps.store.extendSealed(namesOf(owned.slot), this.#deps.ttlMs).catch(() => undefined);
    return { moving: encodeMoving(next), sendFrom: moving.sendEnd };
  }

  /** Stores an end of a send block, a ceiling or an address of an association that this worker owns. */
  advance(cid: Uint8Array, change: Advance, done: (result: Advanced) => void): void {
    this.#owned.advance(nameOf(cid), change, done);
  }

  /** This worker has it no more; the store keeps it. */
  forget(cid: Uint8Array): void {
    const name = nameOf(cid);
    const owned = this.#owned.get(name);
    if (owned !== undefined) this.#former.set(name, owned.slot.moving, this.#deps.nowMs());
    this.#owned.forget(name);
  }

  /** The association is over. `resumable`: its session may be resumed (RFC 5246 §7.2.1: not after a fatal alert). */
  async end(cid: Uint8Array, { resumable }: { resumable: boolean }): Promise<void> {
    const owned = this.#owned.get(nameOf(cid));
    this.forget(cid);
    if (owned === undefined) return;
    const { moving, session } = owned.slot;
    const slot = { moving: { ...moving, cid: EMPTY_BYTES }, session: resumable ? session : EMPTY_BYTES };
    const ended = await this.#commit({ ...owned, slot });
    if (ended !== undefined) await this.#removeAll(owned.slot, slot);
  }

  #remember(cid: Uint8Array, owned: OwnedSlot): void {
    this.#pending.set(nameOf(cid), owned, this.#deps.nowMs());
  }

  #sealedParts({ cid, fixed, lastFlight, provisional }: NewAssociation, ttlMs: number) {
    const { sealer } = this.#deps;
    const name = nameOf(cid);
    const keys = { name, record: sealer.seal(keysOf(name), fixed), ttlMs: provisional ? PROVISIONAL_MS : ttlMs };
    if (lastFlight === undefined) return [keys];
    return [keys, { name: flightOf(name), record: sealer.seal(flightOf(name), lastFlight), ttlMs: LAST_FLIGHT_MS }];
  }

  async #open(cid: Uint8Array): Promise<Opened | undefined> {
    const { store, sealer } = this.#deps;
    const name = nameOf(cid);
    const [keys, flight] = await store.loadSealed([name, flightOf(name)]);
    const opened = keys && sealer.open(keysOf(name), keys);
    if (opened?.ok !== true) return undefined;
    const fixed = decodeFixed(opened.plaintext);
    if (fixed === undefined || !equalBytes(fixed.cid, cid)) return undefined;
    const lastFlight = flight && sealer.open(flightOf(name), flight);
    return { bytes: opened.plaintext, fixed, lastFlight: lastFlight?.ok === true ? lastFlight.plaintext : undefined };
  }

  async #found({ bytes, fixed, lastFlight }: Opened, number: DeviceNumber): Promise<StoredAssociation> {
    const [[stored], [live]] = await Promise.all([this.#deps.store.loadSlots([number]), this.#deps.areLive([fixed.credential])]);
    const slot = stored && decodeSlot(stored.record);
    if (stored === undefined || slot === undefined || live !== true || !equalBytes(slot.moving.cid, fixed.cid)) return undefined;
    if (this.#lost(fixed.cid, slot.moving)) {
      await this.#abandon({ number, version: stored.version, slot });
      return undefined;
    }
    this.#remember(fixed.cid, { number, version: stored.version, slot });
    return { fixed: bytes, moving: encodeMoving(slot.moving), ...(lastFlight && { lastFlight }) };
  }

  /** Whether the store has less of an association than this worker saw it to have: fence, ends and ceilings only rise. */
  #lost(cid: Uint8Array, { fence, sendEnd, receiveCeiling }: AssociationMoving): boolean {
    const former = this.#former.get(nameOf(cid), this.#deps.nowMs());
    return former !== undefined && (fence < former.fence || sendEnd < former.sendEnd || receiveCeiling < former.receiveCeiling);
  }

  /** Numbers that were stored may have been used: what the store lost is never guessed. Its device shakes hands again. */
  async #abandon(owned: OwnedSlot): Promise<void> {
    const slot = { moving: { ...owned.slot.moving, cid: EMPTY_BYTES }, session: EMPTY_BYTES };
    if ((await this.#commit({ ...owned, slot })) === undefined) return;
    this.#deps.abandoned();
    await this.#removeAll(owned.slot, slot);
  }

  /** Gives the device another association than it has; what gives way is removed. Undefined: others were faster each time. */
  async #replace(number: DeviceNumber, make: (former: Slot | undefined) => Slot): Promise<OwnedSlot | undefined> {
    for (let attempt = 0; attempt < TRIES; attempt++) {
      const [stored] = await this.#deps.store.loadSlots([number]);
      const former = stored && decodeSlot(stored.record);
      const slot = make(former);
      const version = stored?.version ?? 0;
      const owned = await this.#commit({ number, version, slot });
      if (owned === undefined) continue;
      if (former !== undefined) await this.#removeAll(former, slot);
      return owned;
    }
    return undefined;
  }

  async #commit({ number, version: expected, slot }: OwnedSlot): Promise<OwnedSlot | undefined> {
    const version = expected === 0 ? (this.#deps.rng.uint32() >>> 1) + 1 : nextVersion(expected);
    const [stored] = await this.#deps.store.commitSlots([{ number, expected, version, record: encodeSlot(slot), ttlMs: this.#deps.ttlMs }]);
    return stored === true ? { number, version, slot } : undefined;
  }

  /** Removes what a slot lived on and the next one does not. */
  async #removeAll(former: Slot, slot: Slot): Promise<void> {
    const kept = namesOf(slot);
    const gone = namesOf(former).filter((name) => !kept.includes(name));
    if (gone.length > 0) await this.#deps.store.removeSealed(gone.flatMap((name) => [name, flightOf(name)]));
  }
}

function slotOf({ moving }: NewAssociation, session: Uint8Array): Slot {
  return { moving: decodeMoving(moving)!, session: concatBytes([session]) };
}

/** What the seal is bound to. */
function keysOf(name: string): string {
  return `association ${name}`;
}

function flightOf(name: string): string {
  return `${name}.flight`;
}
