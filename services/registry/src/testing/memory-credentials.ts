/** Credentials of no endpoint: what a registry's general answers are tried against. */
import type { CredentialsPort } from '../northbound-port.ts';

export class MemoryCredentials implements CredentialsPort {
  /** Tells what every call throws, if anything. */
  readonly #failure: () => Error | undefined;

  constructor(failure: () => Error | undefined) {
    this.#failure = failure;
  }

  async list() {
    return this.#unknown();
  }

  async set(): ReturnType<CredentialsPort['set']> {
    this.#unknown();
    return { outcome: 'set', credentials: [] };
  }

  async remove() {
    return this.#unknown();
  }

  async erase() {
    this.#unknown();
  }

  #unknown(): undefined {
    const failure = this.#failure();
    if (failure !== undefined) throw failure;
  }
}
