/**
 * Changes the credentials of an endpoint. Names and the record lie in different slots; the order of the steps loses
 * nothing at any of them: names are claimed first, then the record is written, which alone decides, then the claims are
 * looked at once more, then names that nothing stands for any more are given back. A name that was left behind is taken
 * over by the next who wants it.
 */
import type { KeyRing, Sealer } from '@cluster/secrets';
import { Contended } from '../commands.ts';
import type { ClusterStore, DeviceNumber } from '../ports.ts';
import { noCredentials } from './changes.ts';
import { type Credential, type CredentialContent, type CredentialSet, valid } from './credential.ts';
import { CredentialsUnreadable, decodeCredentials, encodeCredentials, isSealedCurrently, readHead } from './credential-record.ts';
import { NameClaims, type NameRefusal } from './name-claims.ts';
import { identityName } from './names.ts';
import type { CredentialStore } from './store.ts';

/** The worker's name under which changed credentials are rung: no worker can have it. */
export const CREDENTIALS_BELL = '!credentials';
const TRIES = 8;

export interface CredentialKeeperDeps {
  readonly store: CredentialStore;
  readonly cluster: Pick<ClusterStore, 'ring'>;
  readonly ring: KeyRing;
  readonly sealer: Sealer;
  /** Whether one key may be several devices'. */
  readonly sharedPsks: boolean;
  /** The store's clock. */
  readonly timeMs: () => Promise<number>;
}

/** A record as it was read. */
export interface Held {
  readonly version: number;
  readonly set: CredentialSet;
  readonly sealedCurrently: boolean;
  readonly readable: boolean;
}

/** And when, by the store's clock. */
export interface HeldAt {
  readonly held: Held;
  readonly nowMs: number;
}

/** What a set becomes, and of it the contents whose names have to be the device's. Pure: it is tried again where the set changed meanwhile. */
export type CredentialStep = (set: CredentialSet, nowMs: number) => { readonly set: CredentialSet; readonly contents: readonly CredentialContent[] };

export type CredentialChange =
  | { readonly outcome: 'changed'; readonly set: CredentialSet }
  | ({ readonly outcome: 'refused' } & NameRefusal);

export class CredentialKeeper {
  readonly #deps: CredentialKeeperDeps;
  readonly #names: NameClaims;

  constructor(deps: CredentialKeeperDeps) {
    this.#deps = deps;
    const { store, ring, sharedPsks } = deps;
    this.#names = new NameClaims({ store, ring, sharedPsks, credentialsOf: (number) => this.#credentialsOf(number) });
  }

  /** Takes a step; a set that it leaves as it is costs no write. `from`: what was read just now, to begin with. @throws {Contended} */
  async change(number: DeviceNumber, endpoint: string, step: CredentialStep, from?: HeldAt): Promise<CredentialChange> {
    let begin = from;
    for (let attempt = 0; attempt < TRIES; attempt++) {
      const { held, nowMs } = begin ?? { held: await this.load(number, endpoint), nowMs: await this.#deps.timeMs() };
      begin = undefined;
      const { set, contents } = step(held.set, nowMs);
      if (set === held.set) return { outcome: 'changed', set };
      const refusal = await this.#names.claim(number, contents);
      if (refusal !== undefined) {
        await this.#names.release(number, contents, held.set.credentials);
        return { outcome: 'refused', ...refusal };
      }
      if (!(await this.#write(number, held, set))) continue;
      const lost = await this.#names.confirm(number, contents);
      return lost === undefined ? { outcome: 'changed', set } : this.#withdraw(number, endpoint, contents, lost);
    }
    throw contended(endpoint);
  }

  /**
   * Takes away what `step` leaves out; undefined: nothing. A record that does not open counts as one that holds nothing
   * if `orEmpty`. @throws {Contended}
   */
  async reduce(number: DeviceNumber, endpoint: string, step: (set: CredentialSet) => CredentialSet | undefined, orEmpty = false): Promise<boolean> {
    for (let attempt = 0; attempt < TRIES; attempt++) {
      const held = await this.load(number, endpoint, orEmpty);
      const next = held.readable ? step(held.set) : held.set;
      if (next === undefined) return false;
      if (await this.#write(number, held, next)) return true;
    }
    throw contended(endpoint);
  }

  /** Removes the record, which holds no credentials any more. */
  async erase(number: DeviceNumber): Promise<void> {
    const [stored] = await this.#deps.store.loadCredentials([number]);
    if (stored !== undefined) await this.#deps.store.commitCredentials(number, stored.version, undefined);
  }

  /** Seals the record under the current secret, and claims its names anew. True: it was necessary. */
  async reseal(number: DeviceNumber, endpoint: string): Promise<boolean> {
    const held = await this.load(number, endpoint);
    if (held.version === 0 || held.sealedCurrently) return false;
    await this.#names.claim(number, held.set.credentials.map(({ content }) => content));
    return this.#write(number, held, held.set);
  }

  /** With `orEmpty` a record that does not open counts as one that holds nothing, so that all of it can be removed. */
  async load(number: DeviceNumber, endpoint: string, orEmpty = false): Promise<Held> {
    const [stored] = await this.#deps.store.loadCredentials([number]);
    if (stored === undefined) return { version: 0, set: noCredentials(endpoint), sealedCurrently: true, readable: true };
    const { version, record } = stored;
    const { sealer } = this.#deps;
    try {
      return { version, set: decodeCredentials(sealer, number, record), sealedCurrently: isSealedCurrently(sealer, record), readable: true };
    } catch (error) {
      if (!orEmpty || !(error instanceof CredentialsUnreadable)) throw error;
      const { lastVersion, everFor } = readHead(record);
      return { version, set: { endpoint, lastVersion, everFor, credentials: [] }, sealedCurrently: false, readable: false };
    }
  }

  /** Writes the record, tells the workers, and gives back the names that it no longer stands for. */
  async #write(number: DeviceNumber, held: Held, next: CredentialSet): Promise<boolean> {
    const { store, cluster, sealer } = this.#deps;
    if (!(await store.commitCredentials(number, held.version, encodeCredentials(sealer, number, next)))) return false;
    await cluster.ring([{ worker: CREDENTIALS_BELL, number }]).catch(() => undefined); // workers look by themselves too
    await this.#names.release(number, held.set.credentials.map(({ content }) => content), next.credentials);
    return true;
  }

  async #credentialsOf(number: DeviceNumber): Promise<readonly Credential[] | undefined> {
    const { set, readable } = await this.load(number, '', true);
    return readable ? valid(set.credentials, await this.#deps.timeMs()) : undefined;
  }

  /** Another device took a name between claim and record: the record gives way, since the name leads to the other. */
  async #withdraw(number: DeviceNumber, endpoint: string, contents: readonly CredentialContent[], lost: NameRefusal): Promise<CredentialChange> {
    const names = new Set(contents.map(identityName));
    await this.reduce(number, endpoint, (set) => ({ ...set, credentials: set.credentials.filter(({ content }) => !names.has(identityName(content))) }));
    return { outcome: 'refused', ...lost };
  }
}

function contended(endpoint: string): Contended {
  return new Contended(`the credentials of ${endpoint} changed under every attempt`);
}
