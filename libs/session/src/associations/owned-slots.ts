/**
 * The slots of associations that this worker owns: stores ends of send blocks and receive ceilings, those of one turn for
 * all devices together, and one write a device at a time. A write that fails means that another worker has the association.
 */
import { Buffer } from 'node:buffer';
import type { AssociationMoving } from '@cluster/dtls';
import type { DeviceNumber } from '../ports.ts';
import { encodeSlot, type Slot } from './slot.ts';
import type { AssociationStore, SlotWrite } from './store.ts';

/** A slot as this worker last wrote it. */
export interface OwnedSlot {
  readonly number: DeviceNumber;
  version: number;
  slot: Slot;
}

/** What is to be stored; ends and ceilings only rise. */
export type Advance = Partial<Pick<AssociationMoving, 'sendEnd' | 'receiveCeiling' | 'peer'>>;

interface Waiting {
  readonly change: Advance;
  readonly done: (stored: boolean) => void;
}

interface Held extends OwnedSlot {
  waiting: Waiting[];
  writing: boolean;
  extendedAtMs: number;
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
    for (const { done } of held?.waiting.splice(0) ?? []) done(false);
  }

  /** Stores a change; `done` hears false where another worker has the association, or nobody knows. */
  advance(name: string, change: Advance, done: (stored: boolean) => void): void {
    const held = this.#held.get(name);
    if (held === undefined) return done(false);
    held.waiting.push({ change, done });
    this.#write(held);
  }

  async #flush(): Promise<void> {
    const batch = this.#dirty.map((held) => {
      const waiting = held.waiting.splice(0);
      const slot = { ...held.slot, moving: waiting.reduce((moving, { change }) => advanced(moving, change), held.slot.moving) };
      return { held, waiting, slot, version: nextVersion(held.version) };
    });
    this.#dirty = [];
    const writes = batch.map(({ held, slot, version }): SlotWrite => ({
      number: held.number, expected: held.version, version, record: encodeSlot(slot), ttlMs: this.#ttlMs,
    }));
    const stored = await this.#store.commitSlots(writes).catch(() => []);
    batch.forEach(({ held, waiting, slot, version }, i) => {
      if (stored[i] === true) Object.assign(held, { slot, version });
      held.writing = false;
      for (const { done } of waiting) done(stored[i] === true);
      if (held.waiting.length > 0) this.#write(held);
    });
    this.#extend(batch.map(({ held }) => held));
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
