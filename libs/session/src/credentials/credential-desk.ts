/** What operators do with the credentials of an endpoint: list, set, revoke; and what the bootstrap server stages for it. */
import type { CredentialsRequest, CredentialView } from '@cluster/contracts';
import type { DeviceNumber } from '../ports.ts';
import { removeCredentials, setCredential } from './changes.ts';
import { type Credential, type CredentialContent, type CredentialSet, valid } from './credential.ts';
import { CredentialKeeper, type CredentialKeeperDeps, type HeldAt } from './credential-keeper.ts';
import type { NameRefusal } from './name-claims.ts';
import { type CredentialFault, credentialView, parseCredentials } from './requests.ts';
import { type Given, stageCredentials, type Wanted } from './staging.ts';

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

/** `staged`: in the order of what was wanted. `set`: all that the endpoint has then. */
export type CredentialsStaged =
  | { readonly outcome: 'staged'; readonly staged: readonly Credential[]; readonly set: CredentialSet }
  | ({ readonly outcome: 'refused' } & NameRefusal);

/** What an endpoint has, as it was read. */
export interface StandingCredentials extends HeldAt {
  readonly number: DeviceNumber;
  /** Of it what is valid. */
  readonly set: CredentialSet;
}

/** A device that proved who it is: its number stays. */
export interface ProvedDevice {
  readonly number: DeviceNumber;
  /** The store's clock. */
  readonly nowMs: number;
}

const MIN_PSK_BYTES = 16;

interface Deps extends Omit<CredentialKeeperDeps, 'sharedPsks'> {
  readonly devices: DeviceNumbers;
  readonly policy: CredentialPolicy;
}

export class CredentialDesk {
  readonly #deps: Deps;
  readonly #keeper: CredentialKeeper;

  constructor(deps: Deps) {
    this.#deps = deps;
    this.#keeper = new CredentialKeeper({ ...deps, sharedPsks: deps.policy.sharedPsks });
  }

  /** What the endpoint has; undefined if the cluster does not know it. */
  async list(endpoint: string): Promise<CredentialView[] | undefined> {
    return (await this.read(endpoint))?.credentials.map(credentialView);
  }

  /** The same with its secrets, for what is sent to the device alone. */
  async read(endpoint: string): Promise<CredentialSet | undefined> {
    return (await this.standing(endpoint))?.set;
  }

  /** The same, for {@link stage} to begin with. Who proved to be the endpoint need not be looked for. */
  async standing(endpoint: string, proved?: ProvedDevice): Promise<StandingCredentials | undefined> {
    const number = proved?.number ?? (await this.#deps.devices.find(endpoint));
    if (number === undefined) return undefined;
    const held = await this.#keeper.load(number, endpoint);
    const nowMs = proved?.nowMs ?? (await this.#deps.timeMs());
    return { number, held, nowMs, set: { ...held.set, credentials: valid(held.set.credentials, nowMs) } };
  }

  /** Sets one credential of each kind that is named. An endpoint that never registered is prepared for it. */
  async set(endpoint: string, request: CredentialsRequest): Promise<CredentialsSet> {
    const { contents, faults } = parseCredentials(request);
    if (faults.length > 0) return { outcome: 'malformed', faults };
    const short = contents.find((each) => each.kind === 'psk' && each.key.length < MIN_PSK_BYTES);
    if (short && !this.#deps.policy.shortPsks) return { outcome: 'refused', reason: 'key-short', kind: 'psk' };
    const number = await this.#deps.devices.keep(endpoint);
    const overlapMs = request.overlapS === undefined ? undefined : request.overlapS * 1_000;
    const role = request.role ?? 'management';
    const change = await this.#keeper.change(number, endpoint, (held, nowMs) => ({
      set: contents.reduce((set, content) => setCredential(set, content, { nowMs, role, overlapMs }), held),
      contents,
    }));
    return change.outcome === 'refused' ? change : { outcome: 'set', credentials: change.set.credentials.map(credentialView) };
  }

  /**
   * Stores what a bootstrap session is to bring to the device: accepted from now on. See {@link stageCredentials}. `proved`:
   * what stands, of a device that proved who it is.
   */
  async stage(endpoint: string, wanted: readonly Wanted[], given: readonly Given[], proved?: StandingCredentials): Promise<CredentialsStaged> {
    const number = proved?.number ?? (await this.#deps.devices.keep(endpoint));
    let staged: readonly Credential[] = [];
    const change = await this.#keeper.change(number, endpoint, (held, nowMs) => {
      const staging = stageCredentials(held, wanted, given, nowMs);
      ({ staged } = staging);
      return { set: staging.set, contents: staged.map(({ content }) => content) };
    }, proved);
    return change.outcome === 'refused' ? change : { outcome: 'staged', staged, set: change.set };
  }

  /** Removes one credential or all: what was made with them ends. Undefined: the endpoint is not known. False: it has no such one. */
  async remove(endpoint: string, which: number | 'all'): Promise<boolean | undefined> {
    const number = await this.#deps.devices.find(endpoint);
    if (number === undefined) return undefined;
    return this.#keeper.reduce(number, endpoint, (set) => removeCredentials(set, which), which === 'all');
  }

  /** Removes all of the endpoint's credentials and what is known of former ones: it is about to be forgotten. */
  async erase(endpoint: string): Promise<void> {
    await this.remove(endpoint, 'all');
    const number = await this.#deps.devices.find(endpoint);
    if (number !== undefined) await this.#keeper.erase(number);
  }

  /** Seals the endpoint's credentials under the current secret, and claims its names anew. True: it was necessary. */
  async reseal(endpoint: string): Promise<boolean> {
    const number = await this.#deps.devices.find(endpoint);
    return number === undefined ? false : this.#keeper.reseal(number, endpoint);
  }
}
