/** What tests of bootstrap at scale need: an edge, a registry and bootstrap processes on shared brokers, and devices that have nothing but a bootstrap credential. */
import { dirname, join } from 'node:path';
import { fleetCredentials, PionFleet, useKafka, useRedis, type FleetNames } from '@cluster/testing';
import { brokersOf, Member } from '../../src/member.ts';
import { makeServerKeys, type ServerKeys } from '../../src/server-keys.ts';
import { secretFile } from '../../src/server.ts';

export interface WorldSettings {
  readonly name: string;
  readonly devices: number;
  /** Devices that begin in one second. */
  readonly startPerSecond: number;
  /** How long a device waits for the next command of a session before it gives it up. */
  readonly patienceS: number;
  /** How long a device tries a handshake. */
  readonly handshakeS: number;
  /** How long a device takes to answer a command at most. */
  readonly thinkMs?: number;
}

/** What a device is given: a pre-shared key that is made for it, or a certificate that it asks for by EST. */
export type Given = 'psk' | 'est';

const SECURITY = { psk: { mode: 'psk', from: 'make' }, est: { mode: 'est' } } as const;
const BOOTSTRAP_PROCESSES = 2;
const PROVISIONED_AT_ONCE = 20;
/** Bootstrap services read configurations anew after two seconds. */
export const CONFIGURATION_AGE_MS = 2_500;

export class BootstrapWorld {
  readonly settings: WorldSettings;
  edge!: Member;
  registry!: Member;
  servers!: Member[];
  fleet!: PionFleet;
  #keys!: ServerKeys;
  #given: Given | undefined;
  readonly #names: FleetNames;

  constructor(settings: WorldSettings) {
    this.settings = settings;
    const name = `${settings.name}-${process.pid}`;
    this.#names = { count: settings.devices, endpoint: `${name}-{n}`, identity: `factory-${name}-{n}`, keySeed: 'nothing but this' };
  }

  async open(): Promise<void> {
    this.#keys = await makeServerKeys(this.settings.name);
    const [redisUrls, brokers] = [await useRedis(), await useKafka()];
    const { trustFile } = this.#keys.pki;
    const directory = dirname(trustFile);
    const all = { ...brokersOf(redisUrls, brokers), ...this.#keys.env, LWM2M_SECRET_KEY_FILE: await secretFile(directory) };
    const authority = { LWM2M_CA_CERTIFICATE_FILE: trustFile, LWM2M_CA_KEY_FILE: join(directory, 'ca.key.pem') };
    const servers = Array.from({ length: BOOTSTRAP_PROCESSES }, () => Member.start('bootstrap', { ...all, ...authority }));
    [this.edge, this.registry, this.servers] = await Promise.all([Member.start('edge', all), Member.start('registry', all), Promise.all(servers)]);
    await Promise.all([this.give('psk'), this.#provision()]);
    const { startPerSecond, patienceS: bootstrapPatienceS, handshakeS, thinkMs = 0 } = this.settings;
    const bootstrapPorts = this.servers.map(({ coapsPort }) => coapsPort);
    this.fleet = await PionFleet.open({ ...this.#names, bootstrapPorts, startPerSecond, bootstrapPatienceS, thinkMs, handshakeS });
  }

  async close(): Promise<void> {
    await this.fleet?.stop();
    await Promise.all([this.edge, this.registry, ...(this.servers ?? [])].map((member) => member?.remove()));
    await this.#keys?.remove();
  }

  /** What devices are given from now on. False: that is what they are given already. */
  async give(given: Given): Promise<boolean> {
    if (given === this.#given) return false;
    this.#given = given;
    const { name } = this.settings;
    const account = { role: 'management', uri: `coaps://127.0.0.1:${this.edge.coapsPort}`, security: SECURITY[given], shortServerId: 1, lifetimeS: 86_400 };
    const policy = { sessions: 1_000, windowS: 60 };
    const living = this.servers.find((server) => server.runs)!;
    await living.rest.put(`/bootstrap/configurations/${name}`, { accounts: [account], policy, assign: { default: true } });
    return true;
  }

  /** Devices get a credential for bootstrapping, and nothing else. */
  async #provision(): Promise<void> {
    const left = fleetCredentials(this.#names);
    const provisionNext = async (): Promise<void> => {
      for (let one = left.pop(); one !== undefined; one = left.pop()) {
        await this.registry.rest.setCredentials(one.endpoint, { psk: { identity: one.identity, keyHex: one.keyHex }, role: 'bootstrap' });
      }
    };
    await Promise.all(Array.from({ length: PROVISIONED_AT_ONCE }, provisionNext));
  }
}
