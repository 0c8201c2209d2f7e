/** Two edges behind a load balancer and two registries, each a process of its own, on shared brokers. */
import { afterAll, beforeAll, describe } from 'vitest';
import { useKafka, useRedis, useRedisCluster } from '@cluster/testing';
import { Balancer } from '../src/balancer.ts';
import { brokersOf, Member, type MemberEnvironment } from '../src/member.ts';

export class Stage {
  readonly #members: Member[] = [];
  #balancer: Balancer | undefined;
  kafkaBrokers: readonly string[] = [];
  redisUrls: readonly string[] = [];
  /** Tells the endpoints of one run from those of another on the same brokers. */
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  get a(): Member {
    return this.#members[0]!;
  }

  get b(): Member {
    return this.#members[1]!;
  }

  get first(): Member {
    return this.#members[2]!;
  }

  get second(): Member {
    return this.#members[3]!;
  }

  /** Where devices reach the edges. */
  get balancer(): Balancer {
    return this.#balancer!;
  }

  async open(redisUrls: readonly string[], env: MemberEnvironment): Promise<void> {
    this.redisUrls = redisUrls;
    this.kafkaBrokers = await useKafka();
    const all = { ...brokersOf(redisUrls, this.kafkaBrokers), ...env };
    for (const worker of ['a', 'b']) {
      this.#members.push(await Member.start('edge', { ...all, LWM2M_WORKER_ID: `${this.name}-${worker}` }));
    }
    for (let i = 0; i < 2; i++) this.#members.push(await Member.start('registry', all));
    this.#balancer = await Balancer.open(this.a.coapPort);
  }

  async close(): Promise<void> {
    this.#balancer?.close();
    await Promise.all(this.#members.map((member) => member.remove()));
  }
}

const stores = { 'one Redis': useRedis, 'a Redis Cluster': useRedisCluster } as const;

/** Runs tests on a single Redis and on a Redis Cluster. */
export function describeCluster(name: string, tests: (stage: Stage) => void, env: MemberEnvironment = {}): void {
  describe.each(Object.keys(stores) as (keyof typeof stores)[])(`${name}, on %s`, (store) => {
    const stage = new Stage(`${name}-${store}-${process.pid}`.replaceAll(' ', '-'));
    beforeAll(async () => stage.open(await stores[store](), env));
    afterAll(() => stage.close());
    tests(stage);
  });
}
