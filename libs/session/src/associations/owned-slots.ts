/**
 * The slots of associations that this worker owns: stores ends of send blocks and receive ceilings, those of one turn for
 * all devices together, and one write a device at a time. A write that is refused means that another worker has the
 * association; of one that was not answered nobody knows, until the slot is read again.
 */
import { Buffer } from 'node:buffer';
import { equalBytes } from '@cluster/bytes';
import type { AssociationMoving } from '@cluster/dtls';
import { eachOf, StoreUnavailable, type DeviceNumber } from '../ports.ts';
import { encodeSlot, type Slot } from './slot.ts';
import type { AssociationStore, SlotWrite, StoredSlot } from './store.ts';

const AWAY = new StoreUnavailable('the store is away');

/** A slot as this worker last wrote it. */
export interface OwnedSlot {
  readonly number: DeviceNumber;
  version: number;
  slot: Slot;
}

/** What is to be stored; ends and ceilings only rise. */
export type Advance = Partial<Pick<AssociationMoving, 'sendEnd' | 'receiveCeiling' | 'peer'>>;

/** `refused`: another worker has the association, or the store lost what it had. `unknown`: the store is away; to be asked again. */
export type Advanced = 'stored' | 'refused' | 'unknown';
type Done = (result: Advanced) => void;

interface Waiting {
  readonly change: Advance;
  readonly done: Done;
}

interface Held extends OwnedSlot {
  waiting: Waiting[];
  writing: boolean;
  extendedAtMs: number;
  /** A write that was not answered. */
  unsure?: Write;
}

/** What a slot is to hold next. */
interface Write {
  readonly slot: Slot;
  readonly version: number;
}

const LAST_VERSION = 0xffff_ffff;

export function nextVersion(version: number): number {
  return version === LAST_VERSION ? 1 : version + 1;
}

export class OwnedSlots {
  readonly #store: AssociationStore;
  readonly #ttlMs: number;
  readonly #nowMs: () => number;
  readonly #held = new Map<string, Held>();
  #dirty: Held[] = [];

  /** `nowMs`: any clock that does not go back. */
  constructor(store: AssociationStore, { ttlMs, nowMs }: { ttlMs: number; nowMs: () => number }) {
    this.#store = store;
    this.#ttlMs = ttlMs;
    this.#nowMs = nowMs;
  }

  get size(): number {
    return this.#held.size;
  }

  get(name: string): OwnedSlot | undefined {
    return this.#held.get(name);
  }

  /** From now on the association of this name is this worker's. */
  own(name: string, { number, version, slot }: OwnedSlot): void {
    this.#held.set(name, { number, version, slot, waiting: [], writing: false, extendedAtMs: this.#nowMs() });
  }

  forget(name: string): void {
    const held = this.#held.get(name);
    this.#held.delete(name);
    for (const { done } of held?.waiting.splice(0) ?? []) done('refused');
  }

  /** Stores a change. It does no harm to store one again that is unknown. */
  advance(name: string, change: Advance, done: Done): void {
    const held = this.#held.get(name);
    if (held === undefined) return done('refused');
    held.waiting.push({ change, done });
    this.#write(held);
  }

  async #flush(): Promise<void> {
    const batch = this.#dirty;
    this.#dirty = [];
    const known = await this.#settle(batch);
    const writing: Held[] = [];
    batch.forEach((held, i) => {
      if (known[i] === 'stored' && held.waiting.length > 0) writing.push(held);
      else this.#tell(held, held.waiting.splice(0), known[i]!);
    });
    const waiting = writing.map((held) => held.waiting.splice(0));
    const results = await this.#commit(writing, waiting);
    writing.forEach((held, i) => this.#tell(held, waiting[i]!, results[i]!));
    this.#extend(writing);
  }

  #tell(held: Held, waiting: readonly Waiting[], result: Advanced): void {
    held.writing = false;
    for (const { done } of waiting) done(result);
    if (held.waiting.length > 0) this.#write(held);
  }

  /** Whether each slot is known, `unknown` where the store is away. Asks only where a write was not answered. */
  async #settle(batch: readonly Held[]): Promise<Advanced[]> {
    const numbers = batch.flatMap(({ number, unsure }) => (unsure === undefined ? [] : [number]));
    const slots = numbers.length === 0 ? [] : await eachOf(this.#store.loadSlots(numbers)).catch(() => undefined);
    let next = 0;
    return batch.map((held) => {
      if (held.unsure === undefined) return 'stored';
      const slot = slots === undefined ? AWAY : slots[next++];
      return slot instanceof StoreUnavailable ? 'unknown' : settled(held, held.unsure, slot);
    });
  }

  async #commit(batch: readonly Held[], waiting: readonly (readonly Waiting[])[]): Promise<Advanced[]> {
    const next = batch.map((held, i): Write => {
      const moving = waiting[i]!.reduce((before, { change }) => advanced(before, change), held.slot.moving);
      return { slot: { ...held.slot, moving }, version: nextVersion(held.version) };
    });
    if (batch.length === 0) return [];
    const writes = batch.map(({ number, version: expected }, i): SlotWrite => ({
      number, expected, version: next[i]!.version, record: encodeSlot(next[i]!.slot), ttlMs: this.#ttlMs,
    }));
    const stored = await eachOf(this.#store.commitSlots(writes)).catch(() => undefined);
    return batch.map((held, i) => {
      const result = stored === undefined ? AWAY : stored[i];
      if (result instanceof StoreUnavailable) held.unsure = next[i]!;
      else if (result === true) Object.assign(held, next[i]);
      if (result instanceof StoreUnavailable) return 'unknown';
      return result === true ? 'stored' : 'refused';
    });
  }

  /** One write a device is under way; what comes meanwhile goes with the next. */
  #write(held: Held): void {
    if (held.writing) return;
    held.writing = true;
    if (this.#dirty.push(held) === 1) void Promise.resolve().then(() => this.#flush());
  }

  /** What is sealed has to live as long as the slot; it is told so twice in that time at most. */
  #extend(used: readonly Held[]): void {
    const nowMs = this.#nowMs();
    const names = used.flatMap((held) => {
      if (nowMs - held.extendedAtMs < this.#ttlMs / 2) return [];
      held.extendedAtMs = nowMs;
      return namesOf(held.slot);
    });
    if (names.length > 0) this.#store.extendSealed(names, this.#ttlMs).catch(() => undefined); // it is tried again at the next takeover
  }
}

/** What became of a write that was not answered, by what the slot holds now. */
function settled(held: Held, write: Write, found: StoredSlot | undefined): Advanced {
  const written = found?.version === write.version && equalBytes(found.record, encodeSlot(write.slot));
  if (!written && found?.version !== held.version) return 'refused';
  if (written) Object.assign(held, write);
  delete held.unsure;
  return 'stored';
}

function advanced(moving: AssociationMoving, { sendEnd = 0, receiveCeiling = -1, peer = moving.peer }: Advance): AssociationMoving {
  return { ...moving, peer, sendEnd: Math.max(moving.sendEnd, sendEnd), receiveCeiling: Math.max(moving.receiveCeiling, receiveCeiling) };
}

/** The sealed records that a slot lives on. */
export function namesOf({ moving, session }: Slot): string[] {
  const names = [moving.cid, session].filter((cid) => cid.length > 0).map(nameOf);
  return [...new Set(names)];
}

/** The name under which the keys of a Connection ID are sealed. */
export function nameOf(cid: Uint8Array): string {
  return Buffer.from(cid.buffer, cid.byteOffset, cid.length).toString('base64url');
}
