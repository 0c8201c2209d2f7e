/**
 * `npm run bench:job`: one Write to thousands of devices as a job, through REST, a registry, Redis, an edge and Kafka. It
 * prints how the job comes on, and fails unless every device carried it out once. `--kill` kills the registry half-way.
 */
import { availableParallelism, cpus } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { groupMembers, jobView, type JobView } from '@cluster/contracts';
import { startKafka, startRedis } from '@cluster/testing';
import { startChild } from './child.ts';
import { startEdgeProcess } from './edge-process.ts';
import type { Generator } from './generator/main.ts';
import { startRegistryProcess, type RegistryProcess } from './registry-process.ts';

const { values: options } = parseArgs({
  options: {
    devices: { type: 'string', default: '10000' },
    rate: { type: 'string', default: '10000' },
    inflight: { type: 'string', default: '1000' },
    window: { type: 'string', default: '256' },
    kill: { type: 'boolean', default: false },
  },
});
const devices = Number(options.devices);
const range = { from: 0, to: devices };
const PATIENCE_MS = 600_000;

interface Scene {
  readonly brokers: { redisUrl: string; kafkaBrokers: readonly string[] };
  readonly edge: Awaited<ReturnType<typeof startEdgeProcess>>;
  readonly generator: ReturnType<typeof startChild<Generator>>;
  registry: RegistryProcess;
}

async function main(): Promise<void> {
  console.log(`Node ${process.versions.node}, ${availableParallelism()} cores (${cpus()[0]?.model ?? 'unknown'})`);
  const [kafka, redis] = [await startKafka(), await startRedis({ config: ['appendfsync everysec'] })];
  const brokers = { redisUrl: redis.urls[0] ?? '', kafkaBrokers: kafka.brokers };
  const generator = startChild<Generator>(new URL('generator/main.ts', import.meta.url).pathname);
  const scene: Scene = { brokers, generator, edge: await startEdgeProcess(brokers), registry: await startRegistryProcess(brokers) };
  try {
    await register(scene);
    await measure(scene);
  } finally {
    await Promise.allSettled([generator.stop(), scene.edge.stop(), scene.registry.stop()]);
    await redis.stop();
    await kafka.stop();
  }
}

/** All devices, until the registry's directory has them. */
async function register({ generator, edge, registry }: Scene): Promise<void> {
  await generator.call('open', { ...range, port: edge.coapPort });
  await generator.call('run', { kind: 'register', ...range, messages: devices, window: Number(options.window) });
  await call(registry, 'PUT', '/groups/all', { object: '/3303' });
  const untilMs = performance.now() + PATIENCE_MS;
  while ((await members(registry)) < devices) {
    if (performance.now() > untilMs) throw new Error('the directory does not get to know all devices');
    await sleep(500);
  }
  await edge.rest();
}

async function members(registry: RegistryProcess): Promise<number> {
  let count = 0;
  let cursor: string | undefined;
  do {
    const query = cursor === undefined ? '' : `&cursor=${cursor}`;
    const page = groupMembers.parse(await call(registry, 'GET', `/groups/all/endpoints?limit=1000${query}`));
    count += page.endpoints.length;
    cursor = page.next;
  } while (cursor !== undefined);
  return count;
}

async function measure(scene: Scene): Promise<void> {
  const [edgeUs, registryUs] = [await scene.edge.cpuUs(), await scene.registry.cpuUs()];
  const startMs = performance.now();
  const seconds = () => (performance.now() - startMs) / 1_000;
  const { id } = jobView.parse(
    await call(scene.registry, 'POST', '/jobs', {
      target: { group: 'all' }, commands: [{ op: 'write', path: '/3303/0/5750', value: 'lit' }],
      ratePerSecond: Number(options.rate), maxInFlight: Number(options.inflight), ttlS: 3_600,
    }),
  );
  const job = await follow(scene, id, seconds);
  const took = seconds();
  const writes = await scene.generator.call('writes', range);
  console.log(`devices that carried it out: once ${writes.one}, never ${writes.none}, more often ${writes.more}`);
  console.log(`${devices} devices in ${took.toFixed(1)} s: ${Math.round(devices / took)} a second`);
  if (!options.kill) {
    const spent = (afterUs: number, beforeUs: number) => ((afterUs - beforeUs) / devices).toFixed(0);
    console.log(`CPU a device: edge ${spent(await scene.edge.cpuUs(), edgeUs)} µs, registry ${spent(await scene.registry.cpuUs(), registryUs)} µs`);
  }
  const { counts } = job;
  if (counts.targets !== devices || counts.done['2.04'] !== devices) throw new Error(`counted ${JSON.stringify(counts)}`);
  if (writes.one !== devices) throw new Error('not every device carried it out once');
}

/** Prints the job each second until it ends. */
async function follow(scene: Scene, id: string, seconds: () => number): Promise<JobView> {
  let killed = false;
  for (let printedS = -1; ; ) {
    const job = jobView.parse(await call(scene.registry, 'GET', `/jobs/${id}`));
    const { counts, state } = job;
    const done = counts.done['2.04'] ?? 0;
    const ended = state === 'done' || state === 'cancelled';
    if (ended || Math.floor(seconds()) > printedS) {
      printedS = Math.floor(seconds());
      console.log(`${seconds().toFixed(1).padStart(6)} s  ${state}: ${counts.targets} targets, ${counts.waiting} waiting, ${counts.open} open, ${done} done`);
    }
    if (ended) return job;
    if (seconds() * 1_000 > PATIENCE_MS) throw new Error('the job does not end');
    if (options.kill && !killed && done > devices / 2) {
      killed = true;
      await scene.registry.kill();
      console.log(`${seconds().toFixed(1).padStart(6)} s  the registry is killed; another one starts`);
      scene.registry = await startRegistryProcess(scene.brokers);
    }
    await sleep(100);
  }
}

async function call({ url }: RegistryProcess, method: string, path: string, body?: unknown): Promise<unknown> {
  const content = body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
  const response = await fetch(`${url}${path}`, { method, ...content });
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  return response.json();
}

await main();
