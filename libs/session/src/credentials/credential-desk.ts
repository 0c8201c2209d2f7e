/**
 * What operators do with the credentials of an endpoint. Names and the record lie in different slots; the order of the
 * steps loses nothing at any of them: names are claimed first, then the record is written, which alone decides, then the
 * claims are looked at once more, then names that nothing stands for any more are given back. A name that was left behind
 * is taken over by the next who wants it.
 */
import type { CredentialsRequest, CredentialView } from '@cluster/contracts';
import type { KeyRing, Sealer } from '@cluster/secrets';
import { Contended } from '../commands.ts';
import type { ClusterStore, DeviceNumber } from '../ports.ts';
import { noCredentials, removeCredentials, setCredential } from './changes.ts';
import { type Credential, type CredentialContent, type CredentialSet, valid } from './credential.ts';
import { CredentialsUnreadable, decodeCredentials, encodeCredentials, isSealedCurrently, readHead } from './credential-record.ts';
import { NameClaims, type NameRefusal } from './name-claims.ts';
import { identityName } from './names.ts';
import { type CredentialFault, credentialView, parseCredentials } from './requests.ts';
import type { CredentialStore } from './store.ts';

/** What an operator allows beyond the rules. */
export interface CredentialPolicy {
  /** PSKs of less than 16 bytes. OMA Transport 1.1.1 §5.2.8.1 */
  readonly shortPsks: boolean;
  /** One PSK for several devices: for load tests alone. OMA Transport 1.1.1 §5.2.1 */
  readonly sharedPsks: boolean;
}

/** Which device an endpoint is; `keep` prepares one that never registered, and keeps its number for good. */
export interface DeviceNumbers {
  find(endpoint: string): Promise<DeviceNumber | undefined>;
  keep(endpoint: string): Promise<DeviceNumber>;
}

export type CredentialRefusal = 'key-short' | NameRefusal['reason'];

export type CredentialsSet =
  | { readonly outcome: 'set'; readonly credentials: CredentialView[] }
  | { readonly outcome: 'malformed'; readonly faults: readonly CredentialFault[] }
  | { readonly outcome: 'refused'; readonly reason: CredentialRefusal; readonly kind: CredentialContent['kind'] };

/** The worker's name under which changed credentials are rung: no worker can have it. */
export const CREDENTIALS_BELL = '!credentials';

const TRIES = 8;
const MIN_PSK_BYTES = 16;

interface Deps {
  readonly store: CredentialStore;
  readonly cluster: Pick<ClusterStore, 'ring'>;
  readonly devices: DeviceNumbers;
  readonly ring: KeyRing;
  readonly sealer: Sealer;
  readonly policy: CredentialPolicy;
  /** The store's clock. */
  readonly timeMs: () => Promise<number>;
}

interface Held {
  readonly version: number;
  readonly set: CredentialSet;
  readonly sealedCurrently: boolean;
  readonly readable: boolean;
}

export class CredentialDesk {
  readonly #deps: Deps;
  readonly #names: NameClaims;

  constructor(deps: Deps) {
    this.#deps = deps;
    const { store, ring, policy } = deps;
    this.#names = new NameClaims({ store, ring, sharedPsks: policy.sharedPsks, credentialsOf: (number) => this.#credentialsOf(number) });
  }

  /** What the endpoint has; undefined if the cluster does not know it. */
  async list(endpoint: string): Promise<CredentialView[] | undefined> {
    const number = await this.#deps.devices.find(endpoint);
    if (number === undefined) return undefined;
    const { set } = await this.#load(number, endpoint);
    return valid(set.credentials, await this.#deps.timeMs()).map(credentialView);
  }

  /** Sets one credential of each kind that is named. An endpoint that never registered is prepared for it. */
  async set(endpoint: string, request: CredentialsRequest): Promise<CredentialsSet> {
    const { contents, faults } = parseCredentials(request);
    if (faults.length > 0) return { outcome: 'malformed', faults };
    const short = contents.find((each) => each.kind === 'psk' && each.key.length < MIN_PSK_BYTES);
    if (short && !this.#deps.policy.shortPsks) return { outcome: 'refused', reason: 'key-short', kind: 'psk' };
    const number = await this.#deps.devices.keep(endpoint);
    const overlapMs = request.overlapS === undefined ? undefined : request.overlapS * 1_000;
    for (let attempt = 0; attempt < TRIES; attempt++) {
      const refusal = await this.#names.claim(number, contents);
      const held = await this.#load(number, endpoint);
      if (refusal !== undefined) {
        await this.#names.release(number, contents, held.set.credentials);
        return { outcome: 'refused', ...refusal };
      }
      const nowMs = await this.#deps.timeMs();
      const next = contents.reduce((set, content) => setCredential(set, content, { nowMs, overlapMs }), held.set);
      if (!(await this.#store(number, held, next))) continue;
      const lost = await this.#names.confirm(number, contents);
      if (lost !== undefined) return this.#withdraw(number, endpoint, contents, lost);
      return { outcome: 'set', credentials: next.credentials.map(credentialView) };
    }
    throw new Contended(`the credentials of ${endpoint} changed under every attempt`);
  }

  /** Removes one credential or all: what was made with them ends. Undefined: the endpoint is not known. False: it has no such one. */
  async remove(endpoint: string, which: number | 'all'): Promise<boolean | undefined> {
    const number = await this.#deps.devices.find(endpoint);
    if (number === undefined) return undefined;
    for (let attempt = 0; attempt < TRIES; attempt++) {
      const held = await this.#load(number, endpoint, which === 'all');
      const next = held.readable ? removeCredentials(held.set, which) : held.set;
      if (next === undefined) return false;
      if (await this.#store(number, held, next)) return true;
    }
    throw new Contended(`the credentials of ${endpoint} changed under every attempt`);
  }

  /** Removes all of the endpoint's credentials and what is known of former ones: it is about to be forgotten. */
  async erase(endpoint: string): Promise<void> {
    await this.remove(endpoint, 'all');
    const number = await this.#deps.devices.find(endpoint);
    const [stored] = number === undefined ? [] : await this.#deps.store.loadCredentials([number]);
    if (number !== undefined && stored !== undefined) await this.#deps.store.commitCredentials(number, stored.version, undefined);
  }

  /** Seals the endpoint's credentials under the current secret, and claims its names anew. True: it was necessary. */
  async reseal(endpoint: string): Promise<boolean> {
    const number = await this.#deps.devices.find(endpoint);
    const held = number === undefined ? undefined : await this.#load(number, endpoint);
    if (number === undefined || held === undefined || held.version === 0 || held.sealedCurrently) return false;
    await this.#names.claim(number, held.set.credentials.map(({ content }) => content));
    return this.#store(number, held, held.set);
  }

  /** With `orEmpty` a record that does not open counts as one that holds nothing, so that all of it can be removed. */
  async #load(number: DeviceNumber, endpoint: string, orEmpty = false): Promise<Held> {
    const [stored] = await this.#deps.store.loadCredentials([number]);
    if (stored === undefined) return { version: 0, set: noCredentials(endpoint), sealedCurrently: true, readable: true };
    const { version, record } = stored;
    const { sealer } = this.#deps;
    try {
      return { version, set: decodeCredentials(sealer, number, record), sealedCurrently: isSealedCurrently(sealer, record), readable: true };
    } catch (error) {
      if (!orEmpty || !(error instanceof CredentialsUnreadable)) throw error;
      const { lastVersion } = readHead(record);
      return { version, set: { endpoint, lastVersion, credentials: [] }, sealedCurrently: false, readable: false };
    }
  }

  /** Writes the record, tells the workers, and gives back the names that it no longer stands for. */
  async #store(number: DeviceNumber, held: Held, next: CredentialSet): Promise<boolean> {
    const { store, cluster, sealer } = this.#deps;
    if (!(await store.commitCredentials(number, held.version, encodeCredentials(sealer, number, next)))) return false;
    await cluster.ring([{ worker: CREDENTIALS_BELL, number }]).catch(() => undefined); // workers look by themselves too
    await this.#names.release(number, held.set.credentials.map(({ content }) => content), next.credentials);
    return true;
  }

  async #credentialsOf(number: DeviceNumber): Promise<readonly Credential[] | undefined> {
    const { set, readable } = await this.#load(number, '', true);
    return readable ? valid(set.credentials, await this.#deps.timeMs()) : undefined;
  }

  /** Another device took a name between claim and record: the record gives way, since the name leads to the other. */
  async #withdraw(number: DeviceNumber, endpoint: string, contents: readonly CredentialContent[], { reason, kind }: NameRefusal): Promise<CredentialsSet> {
    const names = new Set(contents.map(identityName));
    for (let attempt = 0; attempt < TRIES; attempt++) {
      const held = await this.#load(number, endpoint);
      const credentials = held.set.credentials.filter(({ content }) => !names.has(identityName(content)));
      if (await this.#store(number, held, { ...held.set, credentials })) return { outcome: 'refused', reason, kind };
    }
    throw new Contended(`the credentials of ${endpoint} changed under every attempt`);
  }
}
