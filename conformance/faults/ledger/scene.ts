/** Redis, Kafka, an edge and a registry under load, for one fault; and the ledger of what became of it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startKafka, startRedis, type KafkaHandle, type KafkaOptions, type RedisHandle, type RedisOptions } from '@cluster/testing';
import { expect, vi } from 'vitest';
import { brokersOf, Member, type MemberEnvironment } from '../../src/member.ts';
import { secretFile } from '../../src/server.ts';
import { Fleet, TEMPERATURE } from '../fleet.ts';

export interface SceneOptions {
  readonly redis?: RedisOptions;
  readonly kafka?: KafkaOptions;
  /** What the processes are told, by what there is. */
  readonly env?: (redis: RedisHandle, kafka: KafkaHandle) => MemberEnvironment;
  /** What stands between devices and the edge: gives the port that they send to. */
  readonly between?: (edgePort: number) => Promise<number>;
  readonly also?: readonly ('bootstrap' | 'firmware-orchestrator')[];
  /** Whether the processes have a secret file. */
  readonly secret?: boolean;
}

const RECOVERY = { timeout: 120_000, interval: 200 };
/** Values acknowledged before a fault, and after it. */
const ENOUGH = 100;

export class Scene {
  readonly #members: Member[] = [];
  redis!: RedisHandle;
  kafka!: KafkaHandle;
  edge!: Member;
  registry!: Member;
  others: readonly Member[] = [];
  fleet!: Fleet;
  #devices = 0;
  #directory: string | undefined;

  static async open(name: string, devices: number, options: SceneOptions): Promise<Scene> {
    const scene = new Scene();
    try {
      await scene.#start(name, devices, options);
    } catch (error) {
      await scene.close();
      throw error;
    }
    return scene;
  }

  async #start(name: string, devices: number, { redis, kafka, env, between, also = [], secret = false }: SceneOptions): Promise<void> {
    this.#devices = devices;
    [this.redis, this.kafka] = await Promise.all([startRedis(redis), startKafka(kafka)]);
    const all = { ...brokersOf(this.redis.urls, this.kafka.brokers), ...(secret ? await this.#secret() : {}), ...env?.(this.redis, this.kafka) };
    this.edge = await this.#member('edge', all);
    this.registry = await this.#member('registry', all);
    this.others = await Promise.all(also.map((service) => this.#member(service, all)));
    const port = (await between?.(this.edge.coapPort)) ?? this.edge.coapPort;
    this.fleet = new Fleet(name, devices, `coap://127.0.0.1:${port}`);
    await this.fleet.start(this.registry.rest);
    await this.underWay(0);
  }

  async #member(service: Parameters<typeof Member.start>[0], env: MemberEnvironment): Promise<Member> {
    const member = await Member.start(service, env);
    this.#members.push(member);
    return member;
  }

  async #secret(): Promise<MemberEnvironment> {
    this.#directory = await mkdtemp(join(tmpdir(), 'ledger-'));
    return { LWM2M_SECRET_KEY_FILE: await secretFile(this.#directory) };
  }

  /** Resolves when so many more values were acknowledged than `since` that the load goes on. */
  async underWay(since: number): Promise<void> {
    await vi.waitFor(() => expect(this.fleet.acknowledged.size).toBeGreaterThan(since + ENOUGH), RECOVERY);
  }

  /** Fails if something acknowledged is not in Kafka, or if the registry does not come to know the newest values. Gives the row. */
  async settle(): Promise<{ acknowledged: number; delivered: number; repeated: number; lost: number }> {
    await this.underWay(this.fleet.acknowledged.size);
    await this.fleet.stop();
    const { lost, twins, ...counts } = await this.fleet.ledger(this.kafka.brokers);
    expect(lost).toEqual([]);
    expect(twins).toBe(0);
    await vi.waitFor(() => this.#expectNewestValues(), RECOVERY);
    return { ...counts, lost: lost.length };
  }

  async #expectNewestValues(): Promise<void> {
    for (let index = 0; index < this.#devices; index++) {
      const newest = Math.max(...[...this.fleet.acknowledged].filter((value) => Math.floor(value / 100_000) === index + 1));
      const values = await this.registry.rest.values(this.fleet.names[index]!);
      const known = values.find(({ path }) => path === TEMPERATURE)?.value as number;
      expect(known).toBeGreaterThanOrEqual(Math.floor(newest));
    }
  }

  async close(): Promise<void> {
    this.fleet?.kill();
    await Promise.all(this.#members.map((member) => member.remove()));
    await Promise.all([this.redis?.stop(), this.kafka?.stop()]);
    if (this.#directory !== undefined) await rm(this.#directory, { recursive: true });
  }
}
