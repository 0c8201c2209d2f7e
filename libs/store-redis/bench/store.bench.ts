/**
 * What a call costs the client (CPU µs for each device) and what a device costs Redis (bytes). Starts its own
 * redis-server: `node --conditions=@cluster/source bench/store.bench.ts [devices]`.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { Redis } from 'ioredis';
import { connectRedisStore, type RedisStore } from '../src/index.ts';

const DEVICES = Number(process.argv[2] ?? 20_000);
const RECORD = Buffer.alloc(250, 'r');
const IN_FLIGHT = 8;
const BATCHES = [1, 16, 128];
/** How often each measurement goes over all devices. */
const PASSES = 3;

const numbers = Array.from({ length: DEVICES }, (_, index) => Buffer.from((0x7a5a_0000_0000 + index).toString(16), 'hex').toString('base64url'));
const lines: string[] = [];

const port = await freePort();
const server = spawn('redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'], { stdio: 'ignore' });
const exited = once(server, 'exit');
try {
  const url = `redis://127.0.0.1:${port}`;
  const store = await connectWhenUp(url);
  const plain = new Redis(url, { enableAutoPipelining: true });
  await memory(store, plain);
  await time(store, plain);
  await store.close();
  plain.disconnect();
} finally {
  server.kill();
  await exited;
}
console.log(lines.join('\n'));

async function memory(store: RedisStore, plain: Redis): Promise<void> {
  const steps: [string, (batch: readonly string[]) => Promise<unknown>][] = [
    ['session (250 B)', (batch) => store.commit(batch.map((number) => ({ number, session: { expected: 0, record: RECORD } })))],
    ['endpoint', (batch) => store.claim(batch.map((number) => ({ endpoint: endpointOf(number), proposal: number })))],
    ['address', (batch) => store.bindAddresses(batch.map((number) => ({ peer: peerOf(number), number, ttlMs: 86_400_000 })))],
    ['alarm', (batch) => store.schedule(batch.map((number) => ({ number, atMs: 1_900_000_000_000 })))],
  ];
  let total = 0;
  for (const [name, step] of steps) {
    const before = await usedMemory(plain);
    for (const batch of batches(numbers, 128)) await step(batch);
    const bytes = ((await usedMemory(plain)) - before) / DEVICES;
    total += bytes;
    lines.push(`Redis bytes a device, ${name}: ${bytes.toFixed(0)}`);
  }
  lines.push(`Redis bytes a device, all: ${total.toFixed(0)}`);
}

async function time(store: RedisStore, plain: Redis): Promise<void> {
  let version = 1;
  for (const size of BATCHES) {
    const load = await cpu(size, (batch) => store.load(batch));
    const commit = await cpu(size, async (batch, pass) => {
      const expected = version + pass;
      const results = await store.commit(batch.map((number) => ({ number, session: { expected, record: RECORD } })));
      if (results.some((result) => result !== 'committed')) throw new Error(`a commit failed: ${results.join()}`);
    });
    version += PASSES;
    const get = await cpu(size, (batch) => Promise.all(batch.map((number) => plain.getBuffer(`lwm2m:s:{${number}}`))));
    lines.push(`CPU µs a device in batches of ${size}: load ${load}, commit ${commit}, plain GET autopipelined ${get}`);
  }
}

/** CPU µs for each device, with a few batches in flight at once. */
async function cpu(size: number, work: (batch: readonly string[], pass: number) => Promise<unknown>): Promise<string> {
  const start = process.cpuUsage();
  for (let pass = 0; pass < PASSES; pass++) {
    const queue = batches(numbers, size);
    const worker = async (): Promise<void> => {
      for (let batch = queue.pop(); batch !== undefined; batch = queue.pop()) await work(batch, pass);
    };
    await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
  }
  const { user, system } = process.cpuUsage(start);
  return ((user + system) / (DEVICES * PASSES)).toFixed(2);
}

function batches(all: readonly string[], size: number): (readonly string[])[] {
  return Array.from({ length: Math.ceil(all.length / size) }, (_, index) => all.slice(index * size, (index + 1) * size));
}

function endpointOf(number: string): string {
  return `urn:imei:${parseInt(Buffer.from(number, 'base64url').toString('hex'), 16).toString().padStart(15, '3').slice(-15)}`;
}

function peerOf(number: string): string {
  const bytes = Buffer.from(number, 'base64url');
  return `10.${bytes[3]}.${bytes[4]}.${bytes[5]}:${40_000 + bytes[5]!}`;
}

async function usedMemory(plain: Redis): Promise<number> {
  return Number(/used_memory:(\d+)/.exec(await plain.info('memory'))![1]);
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port: free } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return free;
}

async function connectWhenUp(url: string): Promise<RedisStore> {
  const store = await connectRedisStore({ urls: [url], commandTimeoutMs: 5_000 });
  if (!store.available) throw new Error('redis-server did not start');
  return store;
}
