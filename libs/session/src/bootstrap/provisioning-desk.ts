/**
 * What a device is to have, made ready: its configuration is found, its credentials are made and stored. Only then the
 * provision is handed out, so that what a device is sent is accepted from before its first byte.
 */
import { DEFAULT_TENANT } from '@cluster/contracts';
import type { Lwm2mVersion } from '@cluster/lwm2m';
import { noCredentials } from '../credentials/changes.ts';
import type { CredentialDesk } from '../credentials/credential-desk.ts';
import type { CredentialLookup } from '../credentials/credential-lookup.ts';
import { bindEndpoint } from '../credentials/endpoint-binding.ts';
import type { DeviceNumber } from '../ports.ts';
import type { Assigned, Assignments, BootstrapCandidate } from './assignments.ts';
import { ConfigurationImpossible, type CredentialMaker, materialOf, planCredentials, type ServerKey } from './account-credentials.ts';
import { deletesOf, writesOf } from './account-writes.ts';
import type { BootstrapDesk, BootstrapRequest, Prepared, Provision } from './bootstrap-desk.ts';
import type { Definitions } from './check-document.ts';
import type { ConfigurationStore, OfEndpoint } from './configuration-store.ts';
import { visited } from './visits.ts';

/** Devices as the bootstrap server knows them. */
export interface BootstrapDevices {
  find(endpoint: string): Promise<DeviceNumber | undefined>;
  /** Its number, kept for good; from then on only who proves to be the endpoint may register it. */
  keep(endpoint: string): Promise<DeviceNumber>;
  /** Its number, kept for good; from then on it may register without security. */
  open(endpoint: string): Promise<DeviceNumber>;
  /** Its number, kept for good; who may register it stays as it is. */
  prepare(endpoint: string): Promise<DeviceNumber>;
  /** The endpoint that has the number, and what it is selected by. */
  named(number: DeviceNumber): Promise<BootstrapCandidate | undefined>;
}

interface Deps {
  readonly store: ConfigurationStore;
  readonly assignments: Assignments;
  readonly credentials: Pick<CredentialDesk, 'stage' | 'standing'>;
  /** Of the bootstrap interface. */
  readonly lookup: Pick<CredentialLookup, 'used' | 'hasCredentials'>;
  readonly devices: Omit<BootstrapDevices, 'prepare'>;
  readonly maker: CredentialMaker;
  /** As they are now: files change. */
  readonly serverKeys: () => readonly ServerKey[];
  readonly model: Definitions;
}

type Refused = Exclude<Prepared, { kind: 'provision' }>;

interface Known {
  readonly candidate: BootstrapCandidate;
  readonly number: DeviceNumber | undefined;
}

export class ProvisioningDesk implements BootstrapDesk {
  readonly #deps: Deps;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  async prepare(request: BootstrapRequest): Promise<Prepared> {
    const known = await this.#identify(request);
    if ('kind' in known) return known;
    const { candidate, number } = known;
    const { endpoint } = candidate;
    const of = await this.#deps.store.ofEndpoint(endpoint);
    const assigned = await this.#deps.assignments.of(of.own, candidate, request.nowMs);
    const stranger = number === undefined && of.own === undefined;
    if (stranger && (typeof assigned === 'string' || !assigned.unknownEndpoints)) return { kind: 'unknown-endpoint', detail: 'nothing is known of this endpoint' };
    if (typeof assigned === 'string') return { kind: 'no-configuration', detail: assigned, number };
    const refusedForS = await this.#visit(endpoint, of, assigned, request.nowMs);
    if (refusedForS !== undefined) return { kind: 'quarantined', detail: 'the device came too often', retryAfterS: refusedForS, number };
    const provided = await this.#provide(endpoint, assigned, request);
    return provided.kind === 'provision' ? { ...provided, tenant: candidate.tenant } : { ...provided, number };
  }

  /** What was written before stays accepted: it ends when the device uses what is new, and never because a session ended. */
  async finished(): Promise<void> {}

  /** Who the device is: by its credential, else by the name that it says, where no credential may prove otherwise. Row B19 */
  async #identify({ endpoint, identity, nowMs }: BootstrapRequest): Promise<Known | Refused> {
    const { devices, lookup } = this.#deps;
    if (identity === undefined) {
      if (endpoint === undefined || endpoint === '') return { kind: 'unknown-endpoint', detail: 'the request names no endpoint' };
      const number = await devices.find(endpoint);
      if (await lookup.hasCredentials(endpoint)) return { kind: 'wrong-identity', detail: 'this endpoint has to prove who it is', number };
      const candidate = number === undefined ? undefined : await devices.named(number);
      return { candidate: candidate ?? unknownCandidate(endpoint), number };
    }
    const candidate = await devices.named(identity.deviceNumber);
    if (candidate === undefined) return { kind: 'unknown-endpoint', detail: 'the device was forgotten' };
    if (!bindEndpoint(candidate.endpoint, endpoint).ok) return { kind: 'wrong-identity', detail: 'the credential is of another endpoint', number: identity.deviceNumber };
    // It shows that the device has this one: a bootstrap credential that this one replaced is over.
    await lookup.used(identity, nowMs);
    return { candidate, number: identity.deviceNumber };
  }

  async #visit(endpoint: string, { visits: before }: OfEndpoint, { document }: Assigned, nowMs: number): Promise<number | undefined> {
    const { visits, refusedForS } = visited(before, document.policy, nowMs);
    if (visits !== before) await this.#deps.store.putVisits(endpoint, visits);
    return refusedForS;
  }

  async #provide(endpoint: string, assigned: Assigned, request: BootstrapRequest): Promise<Prepared> {
    const { document } = assigned;
    const { credentials, devices, maker, serverKeys, model } = this.#deps;
    try {
      const { identity, nowMs } = request;
      const standing = await credentials.standing(endpoint, identity && { number: identity.deviceNumber, nowMs });
      const held = standing?.set ?? noCredentials(endpoint);
      const { wanted, given } = await planCredentials({ document, endpoint, held, maker, nowMs });
      const staged = wanted.length === 0 ? undefined : await credentials.stage(endpoint, wanted, given, identity && standing);
      if (staged?.outcome === 'refused') return { kind: 'no-configuration', detail: `${staged.kind}: ${staged.reason}` };
      const materials = document.accounts.map((account) => materialOf(account, staged?.set ?? held, serverKeys()));
      const number = await (registersOpenly(assigned) ? devices.open(endpoint) : devices.keep(endpoint));
      const writes = writesOf(document, materials, model, versionOf(request));
      return { kind: 'provision', endpoint, number, provision: { ...frameOf(assigned), writes } };
    } catch (error) {
      if (error instanceof ConfigurationImpossible) return { kind: 'no-configuration', detail: error.message };
      throw error;
    }
  }
}

/** An endpoint of which nothing is known. */
export function unknownCandidate(endpoint: string): BootstrapCandidate {
  return { endpoint, tenant: DEFAULT_TENANT, labels: {}, paths: [] };
}

/** An account without security at this cluster: its operator wants the endpoint to be registered by whoever says its name. */
function registersOpenly({ document }: Assigned): boolean {
  return document.accounts.some(({ role, security, elsewhere }) => role === 'management' && security.mode === 'nosec' && elsewhere !== true);
}

function versionOf({ version, preferredFormat }: BootstrapRequest): Lwm2mVersion {
  return version ?? (preferredFormat === undefined ? '1.0' : '1.1');
}

export function frameOf({ name, revision, document }: Assigned): Omit<Provision, 'writes'> {
  return {
    configuration: name, revision,
    deletes: deletesOf(document), keep: document.keep ?? [], discoverFirst: document.discoverFirst ?? true, readBack: document.readBack ?? [],
  };
}
