/**
 * `npm run bench:files`: what a 1 KiB block costs the edge that devices fetch by Block2, or that is pushed to them by Block1, next
 * to two engines that pass the same image in memory, and to a Read; and the edge's memory under many transfers at once.
 * Starts everything it needs and ends it.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Code, CoapEngine } from '@cluster/coap';
import { sealLink } from '@cluster/firmware';
import { DirectoryStorage } from '@cluster/package-storage';
import { KeyRing } from '@cluster/secrets';
import { startKafka, startRedis } from '@cluster/testing';
import { startChild, type Child } from './child.ts';
import { startEdgeProcess, type EdgeProcess } from './edge-process.ts';
import type { Transfers } from './generator/transfers.ts';
import { NorthSide } from './north-side.ts';

const { values: options } = parseArgs({
  options: {
    /** Devices that fetch 1 MiB at a time, and that it is pushed to. */
    transfers: { type: 'string', default: '50' },
    /** Devices that fetch 256 KiB at a time, for the memory. */
    concurrent: { type: 'string', default: '1000' },
    reads: { type: 'string', default: '4000' },
  },
});
const [transfers, concurrent, reads] = [options.transfers, options.concurrent, options.reads].map(Number) as [number, number, number];
const MIB = 1_048_576;
const BLOCK = 1_024;
const IMAGE = { id: randomBytes(16).toString('base64url'), size: MIB };
const SMALL = { id: randomBytes(16).toString('base64url'), size: MIB / 4 };
const POLL_MS = 250;
/** Devices that have keys may do nothing without them. */
const KEYED_FROM = 10_000;

interface Scene {
  readonly edge: EdgeProcess;
  readonly generator: Child<Transfers>;
  readonly north: NorthSide;
  readonly ring: KeyRing;
}

function row(what: string, count: number, cpuUs: number, elapsedMs: number, of = 'block'): void {
  const rate = of === 'block' ? `${((count * BLOCK) / MIB / (elapsedMs / 1_000)).toFixed(1)} MiB/s` : `${(count / (elapsedMs / 1_000)).toFixed(0)} a second`;
  console.log(`${what.padEnd(52)} ${(cpuUs / count).toFixed(1).padStart(6)} µs a ${of}, ${rate}`);
}

/** Two engines in this process: `push` is Block1, else Block2. */
function plainLoop(push: boolean): void {
  let seed = 1;
  const rng = { uint32: () => (seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0) };
  const [client, server] = [new CoapEngine({ rng }), new CoapEngine({ rng })];
  let messageId = 0;
  const body = new Uint8Array(MIB);
  client.request(0, {
    peer: 'p', token: Uint8Array.of(1), messageId: ++messageId, nextMessageId: () => ++messageId, code: push ? Code.PUT : Code.GET, options: [],
    maxBodyBytes: 2 * MIB, ...(push ? { payload: body } : {}),
  });
  for (let over = false; !over; ) {
    for (const { bytes } of client.poll().datagrams) server.handle(0, { peer: 'p', bytes });
    const { events, datagrams } = server.poll();
    for (const event of events) {
      if (event.kind === 'request') server.respond(0, event.exchange, push ? { code: Code.CHANGED } : { code: Code.CONTENT, payload: body });
    }
    for (const { bytes } of [...datagrams, ...server.poll().datagrams]) client.handle(0, { peer: 'p', bytes });
    const { datagrams: next, events: ends } = client.poll();
    over = ends.length > 0;
    for (const { bytes } of next) server.handle(0, { peer: 'p', bytes });
  }
}

function floor(what: string, push: boolean): void {
  for (let i = 0; i < 3; i++) plainLoop(push);
  const [before, startMs] = [process.cpuUsage(), performance.now()];
  plainLoop(push);
  const { user, system } = process.cpuUsage(before);
  row(what, MIB / BLOCK, user + system, performance.now() - startMs);
}

async function measured(edge: EdgeProcess, what: string, count: number, work: () => Promise<void>, of?: string): Promise<void> {
  const [beforeUs, startMs] = [await edge.cpuUs(), performance.now()];
  await work();
  row(what, count, (await edge.cpuUs()) - beforeUs, performance.now() - startMs, of);
}

/** Numbers of devices that are not registered: their addresses are proved by Echo. */
const strangers = (count: number): string[] => Array.from({ length: count }, () => randomBytes(6).toString('base64url'));

/** Resolves when all have their package; tells meanwhile what the edge's memory is. */
async function pulled({ edge, generator, ring }: Scene, one: typeof IMAGE, devices: readonly string[], secured = false): Promise<number[]> {
  const expiresAtS = Math.ceil(Date.now() / 1_000) + 3_600;
  const links = devices.map((device) => sealLink(ring, { package: one.id, device, expiresAtS }));
  await generator.call('pull', { port: secured ? edge.coapsPort : edge.coapPort, secured, links, size: one.size, from: secured ? KEYED_FROM : 0 });
  const rssMiB: number[] = [];
  while ((await generator.call('progress', null)) < devices.length) {
    await sleep(POLL_MS);
    rssMiB.push(Math.round((await edge.metric('process_resident_memory_bytes')) / MIB));
  }
  await generator.call('close', null);
  return rssMiB;
}

async function run(scene: Scene): Promise<void> {
  const { edge, generator, north } = scene;
  const blocks = (transfers * MIB) / BLOCK;
  floor('two engines in memory, Block2, both sides', false);
  floor('two engines in memory, Block1, both sides', true);
  await pulled(scene, SMALL, strangers(transfers));
  await edge.rest();
  await measured(edge, `edge, pulled by Block2, ${transfers} at a time`, blocks, async () => void (await pulled(scene, IMAGE, strangers(transfers))));
  const secured = { from: KEYED_FROM, to: KEYED_FROM + transfers };
  await north.setKeys(secured);
  const keyed = await north.numbers(secured);
  await pulled(scene, SMALL, keyed, true);
  await edge.rest();
  await measured(edge, 'the same over DTLS, handshakes included', blocks, async () => void (await pulled(scene, IMAGE, keyed, true)));
  const range = { from: 0, to: transfers };
  await generator.call('register', { port: edge.coapPort, devices: transfers });
  await edge.rest();
  await north.push(range, SMALL.id);
  await edge.rest();
  await measured(edge, `edge, pushed by Block1, ${transfers} at a time`, blocks, () => north.push(range, IMAGE.id));
  await edge.rest();
  await measured(edge, `edge, Read, ${transfers} at a time`, reads, () => north.read(range, reads, transfers), 'Read');
  await generator.call('close', null);
  await edge.rest();
  const idle = Math.round((await edge.metric('process_resident_memory_bytes')) / MIB);
  await measured(edge, `edge, pulled by Block2, ${concurrent} at a time`, (concurrent * SMALL.size) / BLOCK, async () => {
    const rss = await pulled(scene, SMALL, strangers(concurrent));
    const at = [0.1, 0.5, 0.9].map((share) => rss[Math.floor(rss.length * share)] ?? 0);
    console.log(`RSS of the edge: ${idle} MiB before, ${at.join(', ')} MiB after 10, 50 and 90 % of that time, ${Math.max(...rss)} at most`);
  });
}

async function measure(directory: string): Promise<void> {
  const secret = randomBytes(32);
  const keyFile = join(directory, 'secret.key');
  writeFileSync(keyFile, `0 ${secret.toString('hex')}\n`, { mode: 0o600 });
  const storage = await DirectoryStorage.open(join(directory, 'packages'));
  for (const { id, size } of [IMAGE, SMALL]) {
    await storage.append(id, 0, size, (async function* () { yield randomBytes(size); })());
    await storage.complete(id);
  }
  const [redis, kafka] = [await startRedis({ config: ['appendfsync everysec'] }), await startKafka()];
  const brokers = { redisUrl: redis.urls[0] ?? '', kafkaBrokers: kafka.brokers };
  const edge = await startEdgeProcess(brokers, { LWM2M_SECRET_KEY_FILE: keyFile, LWM2M_FIRMWARE_DIR: join(directory, 'packages') });
  const generator = startChild<Transfers>(new URL('generator/transfers.ts', import.meta.url).pathname);
  const north = await NorthSide.connect(brokers, secret);
  try {
    await run({ edge, generator, north, ring: new KeyRing([{ id: 0, bytes: secret }]) });
  } finally {
    await Promise.allSettled([north.close(), generator.stop(), edge.stop()]);
    await Promise.all([redis.stop(), kafka.stop()]);
  }
}

const directory = mkdtempSync(join(tmpdir(), 'files-'));
try {
  await measure(directory);
} finally {
  rmSync(directory, { recursive: true });
}
