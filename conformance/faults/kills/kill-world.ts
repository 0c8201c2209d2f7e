/** What the kill test needs: Redis and Kafka, edges and a registry, what lies between edges and devices, and the devices. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  fleetCredentials, LeshanFleet, PionFleet, startKafka, startRedis, type FleetNames, type FleetOptions, type KafkaHandle, type RedisHandle,
} from '@cluster/testing';
import { brokersOf, Member, type MemberEnvironment } from '../../src/member.ts';
import { secretFile } from '../../src/server.ts';
import { openWay, type Way, type WayName } from './ways.ts';

export interface KillSettings {
  /** pion/dtls devices with a Connection ID and an observation, all there before the first kill. */
  readonly devices: number;
  /** Devices that shake hands while edges are killed. */
  readonly newcomers: number;
  /** Queue-mode devices, for whom something waits while a dead edge's records are replayed. */
  readonly sleepers: number;
  /** Scandium devices; not behind a NAT. */
  readonly scandium: number;
  readonly edges: number;
  /** How long edges are killed. */
  readonly forS: number;
  /** Between two notifications of a device. */
  readonly notifyS: number;
  /** Between two kills. */
  readonly everyS: number;
  /** `nat` needs root. */
  readonly way: WayName;
  /** What happens to Redis meanwhile: one server is frozen for seconds; or, of a Cluster with replicas that writes wait for, masters die. */
  readonly redis: 'frozen' | 'failover';
}

export const PATH = '/3303/0/5700';
const KEY_SEED = 'outlive your worker';
/** Longer than one of everybody's exchanges; handshakes that a kill cuts are given up after it. */
const NEWCOMERS_PATIENCE_S = 10;
/** How long a device in queue mode listens, so that tests need not wait for 93 s. */
const LISTENS_S = 2;
const PROVISIONED_AT_ONCE = 20;

export class KillWorld {
  readonly settings: KillSettings;
  redis!: RedisHandle;
  kafka!: KafkaHandle;
  way!: Way;
  edges!: Member[];
  registry!: Member;
  fleet!: PionFleet;
  newcomers!: PionFleet;
  sleepers!: PionFleet;
  scandium: LeshanFleet | undefined;
  #directory!: string;

  constructor(settings: KillSettings) {
    this.settings = settings;
  }

  async open(): Promise<void> {
    const { settings } = this;
    this.#directory = await mkdtemp(join(tmpdir(), 'association-kills-'));
    const failover = settings.redis === 'failover';
    [this.redis, this.kafka] = await Promise.all([startRedis(failover ? { cluster: true, replicas: 1 } : {}), startKafka()]);
    this.way = await openWay[settings.way]();
    await this.#startMembers({ ...(failover ? { LWM2M_REDIS_WAIT_REPLICAS: '1' } : {}), ...this.way.env });
    await this.#openFleets();
  }

  async close(): Promise<void> {
    await Promise.all([this.fleet, this.newcomers, this.sleepers, this.scandium].map(async (fleet) => fleet?.stop()));
    await this.way?.close();
    await Promise.all([this.registry, ...(this.edges ?? [])].map((member) => member?.remove()));
    await Promise.all([this.redis?.stop(), this.kafka?.stop()]);
    await rm(this.#directory, { recursive: true, force: true });
  }

  /** The edges that devices can reach from now on. */
  async reach(edges: readonly Member[]): Promise<void> {
    await this.way.setEdges(edges.map(({ coapsPort }) => coapsPort));
  }

  async #startMembers(env: MemberEnvironment): Promise<void> {
    const all = { ...brokersOf(this.redis.urls, this.kafka.brokers), LWM2M_SECRET_KEY_FILE: await secretFile(this.#directory), ...env };
    this.registry = await Member.start('registry', all);
    this.edges = await Promise.all(Array.from({ length: this.settings.edges }, () => Member.start('edge', all)));
    await this.reach(this.edges);
    await this.registry.rest.putTemplate('fleet', { match: { endpointPattern: '*er-*' }, observations: [{ path: PATH }] });
  }

  async #openFleets(): Promise<void> {
    const { devices, newcomers, sleepers, scandium, notifyS, forS } = this.settings;
    const steady = { notifyS, updateS: 3 * notifyS, giveUpAfter: 4 };
    this.fleet = await this.#openFleet('older', devices, { ...steady, nonceFile: join(this.#directory, 'nonces') });
    this.newcomers = await this.#openFleet('newer', newcomers, { ...steady, handshakeS: NEWCOMERS_PATIENCE_S, startPerSecond: (1.3 * newcomers) / forS });
    this.sleepers = await this.#openFleet('sleeper', sleepers, { giveUpAfter: 4, queueMode: true });
    for (const { endpoint } of fleetCredentials(namesOf('sleeper', sleepers))) {
      await this.registry.rest.setSettings(endpoint, { maxTransmitWaitS: LISTENS_S });
    }
    if (scandium > 0) this.scandium = await this.#openScandium(scandium);
  }

  async #openFleet(kind: string, count: number, options: Partial<FleetOptions>): Promise<PionFleet> {
    const names = namesOf(kind, count);
    await this.#provision(names);
    const port = this.way.port === undefined ? {} : { port: this.way.port };
    const ledgerFile = join(this.#directory, `${kind}.ledger`);
    return PionFleet.open({ ...names, ...port, cidLength: 8, path: PATH, ledgerFile, ...options }, this.way.network);
  }

  async #openScandium(count: number): Promise<LeshanFleet> {
    if (this.way.port === undefined) throw new Error('Scandium devices are not in the network namespace');
    const names = namesOf('scandium', count);
    await this.#provision(names);
    const ledgerFile = join(this.#directory, 'scandium.ledger');
    return LeshanFleet.open({ devices: fleetCredentials(names), port: this.way.port, cidLength: 6, ledgerFile });
  }

  async #provision(names: FleetNames): Promise<void> {
    const left = fleetCredentials(names);
    const provisionNext = async (): Promise<void> => {
      for (let one = left.pop(); one !== undefined; one = left.pop()) {
        await this.registry.rest.setCredentials(one.endpoint, { psk: { identity: one.identity, keyHex: one.keyHex } });
      }
    };
    await Promise.all(Array.from({ length: PROVISIONED_AT_ONCE }, provisionNext));
  }
}

/** Devices are `older-0`, `newer-0`, `sleeper-0`, `scandium-0` and so on. */
export function namesOf(kind: string, count: number): FleetNames {
  return { count, endpoint: `${kind}-{n}`, keySeed: KEY_SEED };
}
