/** Gathers the addresses that devices of one turn spoke from, and puts them into the address index together. */
import type { DeviceNumber, SessionStore } from '@cluster/session';

export interface AddressBinding {
  readonly peer: string;
  readonly number: DeviceNumber;
  readonly ttlMs: number;
}

export class AddressBindings {
  readonly #sessions: SessionStore;
  readonly #lost: (count: number) => void;
  #gathered: AddressBinding[] = [];

  /** `lost` hears how many hints the store did not take. */
  constructor(sessions: SessionStore, lost: (count: number) => void) {
    this.#sessions = sessions;
    this.#lost = lost;
  }

  add(binding: AddressBinding): void {
    if (this.#gathered.push(binding) > 1) return;
    queueMicrotask(() => {
      const bindings = this.#gathered;
      this.#gathered = [];
      this.#sessions.bindAddresses(bindings).catch(() => this.#lost(bindings.length));
    });
  }
}
