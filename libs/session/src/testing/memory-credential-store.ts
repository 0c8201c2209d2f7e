/** The `CredentialStore` port in memory, whose steps can be made to fail or to be watched. */
import type { CredentialStore, NameClaim, StoredCredentials } from '../credentials/store.ts';
import { type DeviceNumber, StoreUnavailable } from '../ports.ts';

export class MemoryCredentialStore implements CredentialStore {
  readonly records = new Map<DeviceNumber, StoredCredentials>();
  readonly names = new Map<string, DeviceNumber>();
  /** The steps taken so far, by their names. */
  readonly steps: string[] = [];
  /** Called before each step; may throw, or do what another process does meanwhile. */
  before: (step: keyof CredentialStore, count: number) => void | Promise<void> = () => {};

  async loadCredentials(numbers: readonly DeviceNumber[]) {
    await this.#step('loadCredentials');
    return numbers.map((number) => this.records.get(number));
  }

  async commitCredentials(number: DeviceNumber, expected: number, record: Uint8Array | undefined) {
    await this.#step('commitCredentials');
    if ((this.records.get(number)?.version ?? 0) !== expected) return false;
    if (record === undefined) this.records.delete(number);
    else this.records.set(number, { version: expected + 1, record });
    return true;
  }

  async findNames(names: readonly string[]) {
    await this.#step('findNames');
    return names.map((name) => this.names.get(name));
  }

  async claimNames(claims: readonly NameClaim[]) {
    await this.#step('claimNames');
    return claims.map(({ name, number, replaces }) => {
      const held = this.names.get(name);
      if (held !== undefined && held !== replaces) return held;
      this.names.set(name, number);
      return number;
    });
  }

  async releaseNames(claims: readonly NameClaim[]) {
    await this.#step('releaseNames');
    for (const { name, number } of claims) if (this.names.get(name) === number) this.names.delete(name);
  }

  async #step(step: keyof CredentialStore): Promise<void> {
    this.steps.push(step);
    await this.before(step, this.steps.length);
  }
}

/** Stops a process at its step `count`. */
export function killAt(count: number): (step: string, at: number) => void {
  return (_, at) => {
    if (at >= count) throw new StoreUnavailable('killed');
  };
}
