/** The faults of the ledger: what each of them needs, and what happens for its time. */
import { execFile } from 'node:child_process';
import { setTimeout as elapse } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Member } from '../../src/member.ts';
import { LossyUdp } from './lossy-udp.ts';
import type { Scene, SceneOptions } from './scene.ts';
import { SlowTcp } from './slow-tcp.ts';

const run = promisify(execFile);

export interface Fault {
  readonly name: string;
  /** How many times as long as others it lasts; 1 unless told. */
  readonly times?: number;
  open(): Promise<{ options: SceneOptions; happens(scene: Scene, forMs: number): Promise<void>; close?(): Promise<void> | void }>;
}

type Happening = (scene: Scene, forMs: number) => Promise<void>;

/** A fault that needs nothing but the scene. */
const plain = (name: string, options: SceneOptions, happens: Happening, times = 1): Fault => ({ name, times, open: async () => ({ options, happens }) });

/** Every second or so of its time a process dies, and is started again. */
const killed = (victim: (scene: Scene) => Member): Happening => async (scene, forMs) => {
  for (const endsMs = performance.now() + forMs; performance.now() < endsMs; ) {
    await victim(scene).kill();
    await elapse(500);
    await victim(scene).restart();
    await elapse(1_000);
  }
};

const frozen = (victim: (scene: Scene) => Member): Happening => async (scene, forMs) => {
  victim(scene).pause();
  await elapse(forMs);
  victim(scene).resume();
};

const processes = {
  edge: [{}, (scene: Scene) => scene.edge],
  registry: [{}, (scene: Scene) => scene.registry],
  bootstrap: [{ also: ['bootstrap'], secret: true }, (scene: Scene) => scene.others[0]!],
  'firmware-orchestrator': [{ also: ['firmware-orchestrator'] }, (scene: Scene) => scene.others[0]!],
} satisfies Record<string, [SceneOptions, (scene: Scene) => Member]>;

const ofProcesses = Object.entries(processes).flatMap(([name, [options, victim]]) => [
  plain(`${name} killed again and again`, options, killed(victim)), plain(`${name} frozen`, options, frozen(victim)),
]);

const CLUSTER = { redis: { cluster: true, replicas: 1, config: ['repl-diskless-sync-delay 0'] }, env: () => ({ LWM2M_REDIS_WAIT_REPLICAS: '1' }) };

const ofRedis: Fault[] = [
  plain('Redis Cluster of 6: a master killed, its replica takes over', CLUSTER, async ({ redis }, forMs) => {
    await redis.stopOne(1, 'SIGKILL');
    await elapse(forMs);
    await redis.startOne(1);
  }),
  plain('Redis full (maxmemory, noeviction)', {}, async ({ redis }, forMs) => {
    const limit = (bytes: string) => run('redis-cli', ['-u', redis.urls[0]!, 'config', 'set', 'maxmemory', bytes]);
    await limit('1');
    await elapse(forMs);
    await limit('0');
  }),
  plain('Redis killed', {}, async ({ redis }, forMs) => {
    await redis.stopOne(0, 'SIGKILL');
    await elapse(forMs);
    await redis.startOne(0);
  }),
];

const ofKafka: Fault[] = [
  plain('one Kafka broker of three killed', { kafka: { brokers: 3 } }, async ({ kafka }, forMs) => {
    await kafka.stopOne(1, 'SIGKILL');
    await elapse(forMs);
    await kafka.startOne(1);
  }),
  plain('all Kafka brokers killed', {}, async ({ kafka }, forMs) => {
    await kafka.stopOne(0, 'SIGKILL');
    await elapse(forMs);
    await kafka.startOne(0);
  }, 6),
];

const SLOW_MS = 300;

/** Each way of each message is late, for less than the processes wait. */
const slow: Fault[] = [
  {
    name: `Redis ${SLOW_MS} ms away`,
    async open() {
      const proxy = await SlowTcp.open();
      return {
        options: {
          env({ urls }) {
            proxy.target = Number(new URL(urls[0]!).port);
            return { REDIS_URL: `redis://127.0.0.1:${proxy.port}` };
          },
        },
        happens: (_scene, forMs) => delayed(proxy, forMs),
        close: () => proxy.close(),
      };
    },
  },
  {
    name: `Kafka ${SLOW_MS} ms away`,
    async open() {
      const proxy = await SlowTcp.open();
      return {
        options: {
          kafka: { config: { 'advertised.listeners': `BROKER://127.0.0.1:${proxy.port}` } },
          env(_redis, { brokers }) {
            proxy.target = Number(brokers[0]!.split(':')[1]);
            return { KAFKA_BROKERS: `127.0.0.1:${proxy.port}` };
          },
        },
        happens: (_scene, forMs) => delayed(proxy, forMs),
        close: () => proxy.close(),
      };
    },
  },
];

async function delayed(proxy: SlowTcp, forMs: number): Promise<void> {
  proxy.delayMs = SLOW_MS;
  await elapse(forMs);
  proxy.delayMs = 0;
}

const ofNetwork: Fault = {
  name: 'a tenth of datagrams lost, a tenth doubled, a tenth late, both ways',
  async open() {
    let link: LossyUdp | undefined;
    return {
      options: { between: async (edgePort) => (link = await LossyUdp.open(edgePort)).port },
      async happens(_scene, forMs) {
        link!.weather = { lost: 0.1, doubled: 0.1, late: 0.1 };
        await elapse(forMs);
        link!.weather = { lost: 0, doubled: 0, late: 0 };
      },
      close: () => link?.close(),
    };
  },
};

export const faults: readonly Fault[] = [...ofProcesses, ...ofRedis, ...ofKafka, ...slow, ofNetwork];
