/**
 * `npm run bench`: what a message and a device cost the whole edge, through real Redis and Kafka, next to the floors of
 * the same run. Starts everything it needs and ends it.
 */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startKafka, startRedis } from '@cluster/testing';
import { sampling } from './allocations.ts';
import { associationLine } from './association-bytes.ts';
import { startChild } from './child.ts';
import { startEdgeProcess, type EdgeProcess } from './edge-process.ts';
import type { Generator } from './generator/main.ts';
import { measureMemory } from './memory-part.ts';
import { MessagesPart, type Around } from './messages-part.ts';
import { NorthSide } from './north-side.ts';
import { profiling } from './profile.ts';
import { memoryLines, messageLines } from './report.ts';

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    devices: { type: 'string', default: '8000' },
    messages: { type: 'string', default: '20000' },
    reads: { type: 'string', default: '8000' },
    window: { type: 'string', default: '256' },
    scale: { type: 'string', default: '100000' },
    profile: { type: 'string' },
    allocations: { type: 'string' },
    dtls: { type: 'boolean', default: false },
    only: { type: 'string' },
    edge: { type: 'string' },
    node: { type: 'string', default: '' },
    warmup: { type: 'string', default: '2' },
  },
});
const window = Number(options.window);
const scale = Number(options.scale);
const plan = {
  rounds: Number(options.rounds), devices: Number(options.devices), messages: Number(options.messages), reads: Number(options.reads), window,
  secured: options.dtls, only: options.only?.split(','), warmup: Number(options.warmup),
};

/** The secret of the benchmark's cluster: nothing real is sealed with it. */
const SECRET = randomBytes(32);
const directory = mkdtempSync(join(tmpdir(), 'bench-'));
process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
const secretFile = join(directory, 'secret.key');
writeFileSync(secretFile, `0 ${SECRET.toString('hex')}\n`, { mode: 0o600 });
/** The budget of ClientHellos would hold the benchmark up. */
const DTLS = { LWM2M_SECRET_KEY_FILE: secretFile, LWM2M_DTLS_HELLOS_PER_S: '1000000' };

type Brokers = { redisUrl: string; kafkaBrokers: readonly string[] };

/** An edge, its devices and its callers, for one part of the benchmark. */
async function withScene<T>(kafkaBrokers: readonly string[], work: (scene: Awaited<ReturnType<typeof openScene>>) => Promise<T>): Promise<T> {
  const redis = await startRedis({ config: ['appendfsync everysec'] });
  const redisUrl = redis.urls[0] ?? '';
  const scene = await openScene({ redisUrl, kafkaBrokers });
  try {
    return await work(scene);
  } catch (error) {
    console.error((await scene.edge.refusals().catch(() => [])).map((line) => `  edge: ${line}`).join('\n'));
    throw error;
  } finally {
    await Promise.allSettled([scene.north.close(), scene.generator.stop(), scene.edge.stop()]);
    await redis.stop();
  }
}

async function openScene(brokers: Brokers) {
  const edge = await startEdgeProcess(brokers, options.dtls ? DTLS : {}, { main: options.edge, nodeOptions: options.node.split(' ').filter(Boolean) });
  const generator = startChild<Generator>(new URL('generator/main.ts', import.meta.url).pathname);
  const north = await NorthSide.connect(brokers, SECRET);
  return { ...brokers, edge, generator, north };
}

/** What is watched besides CPU time, if anything. */
async function aroundPhases(edge: EdgeProcess): Promise<Around | undefined> {
  if (options.profile !== undefined) return profiling(await edge.inspect(), options.profile);
  if (options.allocations === undefined) return undefined;
  const counts: Readonly<Record<string, number>> = { handshake: plan.devices, register: plan.devices, read: plan.reads };
  return sampling(await edge.inspect(), options.allocations, (name) => counts[name] ?? plan.messages);
}

async function main(): Promise<void> {
  console.log(`Node ${process.versions.node}, ${availableParallelism()} cores (${cpus()[0]?.model ?? 'unknown'})`);
  const kafka = await startKafka();
  try {
    if (plan.rounds > 0) {
      await withScene(kafka.brokers, async (scene) => {
        const around = await aroundPhases(scene.edge);
        const samples = await new MessagesPart(scene, plan).run(around);
        console.log(`\nedge CPU a message: ${plan.rounds} rounds of ${plan.messages}, ${plan.devices} devices, ${window} outstanding${options.dtls ? ', over DTLS' : ''}`);
        console.log(messageLines(samples).join('\n'));
        if (options.dtls) console.log(await associationLine(scene.redisUrl));
      });
    }
    if (scale > 0) {
      await withScene(kafka.brokers, async (scene) => {
        console.log(`\n${memoryLines(scale, await measureMemory(scene, scale, window)).join('\n')}`);
      });
    }
  } finally {
    await kafka.stop();
  }
}

await main();
