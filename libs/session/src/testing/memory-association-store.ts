/** The `AssociationStore` port in memory; nothing in it ends by itself. */
import type { AssociationStore, StoredSlot } from '../associations/store.ts';
import { type DeviceNumber, StoreUnavailable } from '../ports.ts';

export class MemoryAssociationStore implements AssociationStore {
  readonly sealed = new Map<string, Uint8Array>();
  readonly slots = new Map<DeviceNumber, StoredSlot>();
  /** How many calls of each kind came. */
  readonly calls = new Map<string, number>();
  away = false;
  /** What is asked for is done, but nobody hears of it. */
  mute = false;

  async putSealed(records: Parameters<AssociationStore['putSealed']>[0]) {
    this.#call('putSealed');
    for (const { name, record } of records) this.sealed.set(name, record);
  }

  async loadSealed(names: readonly string[]) {
    this.#call('loadSealed');
    return names.map((name) => this.sealed.get(name));
  }

  async extendSealed() {
    this.#call('extendSealed');
  }

  async removeSealed(names: readonly string[]) {
    this.#call('removeSealed');
    for (const name of names) this.sealed.delete(name);
  }

  async loadSlots(numbers: readonly DeviceNumber[]) {
    this.#call('loadSlots');
    return numbers.map((number) => this.slots.get(number));
  }

  async commitSlots(writes: Parameters<AssociationStore['commitSlots']>[0]) {
    this.#call('commitSlots');
    const results = writes.map(({ number, expected, version, record }) => {
      if ((this.slots.get(number)?.version ?? 0) !== expected) return false;
      this.slots.set(number, { version, record });
      return true;
    });
    if (this.mute) throw new StoreUnavailable('no answer');
    return results;
  }

  #call(name: string): void {
    this.calls.set(name, (this.calls.get(name) ?? 0) + 1);
    if (this.away) throw new StoreUnavailable('away');
  }
}
