/** The numbers of endpoints that have credentials: kept for good, also before their first Register. */
import type { DeviceNumbers } from '../credentials/credential-desk.ts';
import type { Rng } from '../identifiers.ts';
import type { ClusterStore, DeviceNumber, SessionStore } from '../ports.ts';
import type { SessionRecord } from '../record.ts';
import { DeviceSessions } from './device-sessions.ts';

export class EndpointNumbers implements DeviceNumbers {
  readonly #devices: DeviceSessions;

  constructor(deps: { sessions: SessionStore; cluster: ClusterStore; rng: Rng }) {
    this.#devices = new DeviceSessions(deps);
  }

  async find(endpoint: string): Promise<DeviceNumber | undefined> {
    return (await this.#devices.find(endpoint))?.number;
  }

  async keep(endpoint: string): Promise<DeviceNumber> {
    const found = await this.#devices.find(endpoint);
    if (found?.record.secured === true && found.record.kept) return found.number;
    await this.#devices.provide(endpoint, secure);
    return (await this.find(endpoint)) ?? this.keep(endpoint);
  }
}

/** From now on only who proves to be the endpoint may register it. One that is new is told to the directory. */
function secure(record: SessionRecord, nowMs: number, sequence: number): SessionRecord {
  const changed = record.state === 'provisioned' && sequence === 1 ? { changed: { atMs: nowMs, sequence } } : {};
  return { ...record, ...changed, kept: true, secured: true };
}
