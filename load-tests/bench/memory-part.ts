/** The second part: what a registered device costs in the edge's heap and in Redis, at full scale. */
import { Redis } from 'ioredis';
import type { Child } from './child.ts';
import type { EdgeProcess } from './edge-process.ts';
import type { Generator } from './generator/main.ts';
import type { NorthSide } from './north-side.ts';

export interface MemoryScene {
  readonly edge: EdgeProcess;
  readonly generator: Child<Generator>;
  readonly north: NorthSide;
  /** A Redis that holds nothing but this edge's state. */
  readonly redisUrl: string;
}

/** Bytes a device, beyond what an edge without devices takes. */
export interface Footprint {
  readonly heap: number;
  readonly redis: number;
  readonly keys: number;
}

export interface MemoryResult {
  readonly registered: Footprint;
  readonly observed: Footprint;
  readonly registrationsPerSecond: number;
}

/** Sockets that are open at a time: their number is limited. */
const BATCH = 5_000;
const OBSERVED_MS = 20_000;
/** The devices whose code paths warm up; they are registered before the baseline is taken. */
const WARM_UP = 2_000;
const FIRST = 1_000_000;

export async function measureMemory(scene: MemoryScene, devices: number, window: number): Promise<MemoryResult> {
  const redis = new Redis(scene.redisUrl);
  try {
    await eachBatch(WARM_UP, async (range) => {
      await register(scene, range, window);
      await observe(scene, range);
    }, FIRST - WARM_UP);
    const before = await totals(scene, redis);
    let elapsedMs = 0;
    await eachBatch(devices, async (range) => {
      elapsedMs += await register(scene, range, window);
    });
    const registered = await totals(scene, redis);
    await eachBatch(devices, (range) => observe(scene, range));
    const observed = await totals(scene, redis);
    return {
      registered: perDevice(before, registered, devices),
      observed: perDevice(before, observed, devices),
      registrationsPerSecond: devices / (elapsedMs / 1_000),
    };
  } finally {
    redis.disconnect();
  }
}

interface Batch {
  readonly from: number;
  readonly to: number;
}

async function eachBatch(devices: number, work: (range: Batch) => Promise<void>, first: number = FIRST): Promise<void> {
  for (let done = 0; done < devices; done += BATCH) {
    await work({ from: first + done, to: first + Math.min(devices, done + BATCH) });
  }
}

async function register({ edge, generator }: MemoryScene, range: Batch, window: number): Promise<number> {
  await generator.call('open', { ...range, port: edge.coapPort });
  const { elapsedMs } = await generator.call('run', { kind: 'register', ...range, messages: range.to - range.from, window });
  await generator.call('close', range);
  return elapsedMs;
}

async function observe({ edge, generator, north }: MemoryScene, range: Batch): Promise<void> {
  await generator.call('open', { ...range, port: edge.coapPort });
  await north.observe(range);
  try {
    await generator.call('observed', { ...range, timeoutMs: OBSERVED_MS });
  } catch (error) {
    // The doorbell to the worker is allowed to get lost; whoever asks again rings again. It is told, since it should be rare.
    console.error(`  asked again: ${String(error)}`);
    await north.observe(range);
    await generator.call('observed', { ...range, timeoutMs: OBSERVED_MS });
  }
  await generator.call('close', range);
}

/** Live bytes of the edge, bytes in use of Redis and its keys, when all has come to rest. */
async function totals({ edge }: MemoryScene, redis: Redis): Promise<Footprint> {
  await edge.rest();
  const inspector = await edge.inspect();
  const heap = await inspector.liveBytes();
  inspector.close();
  // A collection of a large heap stops the process for so long that its calls of the store may run out of time.
  await edge.rest();
  const used = /used_memory:(\d+)/.exec(await redis.info('memory'))?.[1];
  return { heap, redis: Number(used), keys: await redis.dbsize() };
}

function perDevice(before: Footprint, after: Footprint, devices: number): Footprint {
  const each = (of: keyof Footprint): number => (after[of] - before[of]) / devices;
  return { heap: each('heap'), redis: each('redis'), keys: each('keys') };
}
