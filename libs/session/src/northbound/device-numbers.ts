/** The numbers of endpoints that have credentials or an account: kept for good, also before their first Register. */
import type { BootstrapCandidate } from '../bootstrap/assignments.ts';
import type { BootstrapDevices } from '../bootstrap/provisioning-desk.ts';
import type { DeviceNumbers } from '../credentials/credential-desk.ts';
import type { Rng } from '../identifiers.ts';
import type { ClusterStore, DeviceNumber, SessionStore } from '../ports.ts';
import { decodeSession, type SessionRecord } from '../record.ts';
import { DeviceSessions } from './device-sessions.ts';

export class EndpointNumbers implements DeviceNumbers, BootstrapDevices {
  readonly #devices: DeviceSessions;

  constructor(deps: { sessions: SessionStore; cluster: ClusterStore; rng: Rng }) {
    this.#devices = new DeviceSessions(deps);
  }

  async find(endpoint: string): Promise<DeviceNumber | undefined> {
    return (await this.#devices.find(endpoint))?.number;
  }

  keep(endpoint: string): Promise<DeviceNumber> {
    return this.#keep(endpoint, true);
  }

  open(endpoint: string): Promise<DeviceNumber> {
    return this.#keep(endpoint, false);
  }

  /** Its number, kept for good; who may register it stays as it is. */
  prepare(endpoint: string): Promise<DeviceNumber> {
    return this.#keep(endpoint, undefined);
  }

  async named(number: DeviceNumber): Promise<BootstrapCandidate | undefined> {
    const [stored] = await this.#devices.store.load([number]);
    if (stored === undefined) return undefined;
    const { endpoint, tenant, profile, registration } = decodeSession(stored.record);
    return { endpoint, tenant, labels: profile?.labels ?? {}, paths: registration.objectLinks.map(({ path }) => path) };
  }

  async #keep(endpoint: string, secured: boolean | undefined): Promise<DeviceNumber> {
    const found = await this.#devices.find(endpoint);
    const same = found !== undefined && (secured === undefined || (found.record.secured === true) === secured);
    if (same && found.record.kept) return found.number;
    await this.#devices.provide(endpoint, (record, nowMs, sequence) => kept(record, secured ?? record.secured === true, nowMs, sequence));
    return (await this.find(endpoint)) ?? this.#keep(endpoint, secured);
  }
}

/** Where `secured`, only who proves to be the endpoint may register it. One that is new is told to the directory. */
function kept({ secured: _, ...record }: SessionRecord, secured: boolean, nowMs: number, sequence: number): SessionRecord {
  const changed = record.state === 'provisioned' && sequence === 1 ? { changed: { atMs: nowMs, sequence } } : {};
  return { ...record, ...changed, kept: true, ...(secured ? { secured } : {}) };
}
