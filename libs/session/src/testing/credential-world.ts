/** Credentials of a cluster in memory: what operators set, and what workers find. */
import { encodeUtf8, toHex } from '@cluster/bytes';
import { KeyRing, type MasterSecret, Sealer } from '@cluster/secrets';
import { randomBytes } from 'node:crypto';
import { CredentialDesk, CredentialLookup, type CredentialPolicy, type CredentialUse, type DeviceNumbers, EnrolledCertificates, type Ring } from '../index.ts';
import { MemoryCredentialStore } from './memory-credential-store.ts';

export const first: MasterSecret = { id: 1, bytes: randomBytes(32) };
export const second: MasterSecret = { id: 2, bytes: randomBytes(32) };
export const strict: CredentialPolicy = { shortPsks: false, sharedPsks: false };

export class CredentialWorld {
  readonly store = new MemoryCredentialStore();
  readonly ring = new KeyRing([first]);
  readonly sealer = new Sealer(this.ring, randomBytes);
  readonly numbers = new Map<string, string>();
  readonly rung: string[] = [];
  nowMs = 1_800_000_000_000;
  readonly devices: DeviceNumbers = {
    find: async (endpoint) => this.numbers.get(endpoint),
    keep: async (endpoint) => {
      const number = this.numbers.get(endpoint) ?? `N${String(this.numbers.size).padStart(7, '0')}`;
      this.numbers.set(endpoint, number);
      return number;
    },
  };

  desk(policy: CredentialPolicy = strict): CredentialDesk {
    return new CredentialDesk({ ...this.#keeping(), devices: this.devices, policy });
  }

  enrolled(): EnrolledCertificates {
    return new EnrolledCertificates({ ...this.#keeping(), sharedPsks: false });
  }

  #keeping() {
    return {
      store: this.store,
      cluster: { ring: async (rings: readonly Ring[]) => void this.rung.push(...rings.map(({ worker, number }) => `${worker} ${number}`)) },
      ring: this.ring,
      sealer: this.sealer,
      timeMs: async () => this.nowMs,
    };
  }

  lookup(cacheEntries = 100, use: CredentialUse = 'management'): CredentialLookup {
    const sessions = { resolve: async (endpoints: readonly string[]) => endpoints.map((endpoint) => this.numbers.get(endpoint)) };
    return new CredentialLookup({ store: this.store, sessions, sealer: this.sealer, cacheEntries, use });
  }

  /** The keys that a device with this identity may have, current first, as a worker that knows nothing finds them. */
  async keysOf(identity: string): Promise<string[]> {
    return (await this.lookup().byPskIdentity(encodeUtf8(identity), this.nowMs)).map(({ key }) => toHex(key));
  }
}
