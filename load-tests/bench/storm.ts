/**
 * `npm run bench:storm`: how long connected devices wait for the answer to an Update, alone and while others shake hands
 * with certificates as fast as they can. Starts everything it needs and ends it.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { authority, issue, pem, privatePem, spkiOf } from '@cluster/dtls/testing/authority';
import { startKafka, startRedis } from '@cluster/testing';
import { startChild } from './child.ts';
import { startEdgeProcess } from './edge-process.ts';
import type { LoadResult } from './generator/fleet.ts';
import type { Generator } from './generator/main.ts';
import type { Storm } from './generator/storm.ts';
import { NorthSide } from './north-side.ts';

const { values: options } = parseArgs({
  options: {
    /** Devices that are connected, and Updates of them at a time. */
    devices: { type: 'string', default: '200' },
    window: { type: 'string', default: '8' },
    updates: { type: 'string', default: '4000' },
    /** Handshakes at a time. */
    storm: { type: 'string', default: '200' },
    threads: { type: 'string' },
  },
});
const [devices, window, updates, stormers] = [options.devices, options.window, options.updates, options.storm].map(Number) as [number, number, number, number];
const STORM_MS = 60_000;

const root = authority('CN=Root');
const server = issue({ subject: 'CN=server', keyUsage: [0] }, root);
const middle = issue({ subject: 'CN=Middle', ca: true }, root);

function holder(i: number) {
  const own = issue({ subject: `CN=storm-${i}` }, middle);
  const key = own.keys.privateKey.export({ format: 'der', type: 'pkcs8' }).toString('base64');
  return { chain: [own.der, middle.der].map((der) => der.toString('base64')), key };
}

function line(what: string, { latencyMs, elapsedMs }: LoadResult): string {
  const [p50, p99, max] = latencyMs.map((ms) => ms.toFixed(1).padStart(8));
  return `${what.padEnd(28)} ${p50} ${p99} ${max} ${(updates / (elapsedMs / 1_000)).toFixed(0).padStart(10)}`;
}

async function measure(directory: string): Promise<void> {
  const secret = randomBytes(32);
  const file = (name: string, content: string): string => {
    writeFileSync(join(directory, name), content, { mode: 0o600 });
    return join(directory, name);
  };
  const env = {
    LWM2M_SECRET_KEY_FILE: file('secret.key', `0 ${secret.toString('hex')}\n`),
    LWM2M_DTLS_CERTIFICATE_FILES: file('server.pem', pem([server.der]) + privatePem(server)),
    LWM2M_DTLS_TRUST_FILES: file('trust.pem', pem([root.der])),
    LWM2M_DTLS_HELLOS_PER_S: '1000000', LWM2M_DTLS_SOURCE_HELLOS_PER_S: '1000000',
    ...(options.threads === undefined ? {} : { LWM2M_DTLS_PUBLIC_KEY_THREADS: options.threads }),
  };
  const [redis, kafka] = [await startRedis({ config: ['appendfsync everysec'] }), await startKafka()];
  const brokers = { redisUrl: redis.urls[0] ?? '', kafkaBrokers: kafka.brokers };
  const edge = await startEdgeProcess(brokers, env);
  const generator = startChild<Generator>(new URL('generator/main.ts', import.meta.url).pathname);
  const storm = startChild<Storm>(new URL('generator/storm.ts', import.meta.url).pathname);
  const north = await NorthSide.connect(brokers, secret);
  try {
    const range = { from: 0, to: devices };
    await north.setKeys(range);
    await generator.call('open', { ...range, port: edge.coapsPort, secured: true });
    await generator.call('run', { kind: 'register', ...range, messages: devices, window });
    const load = { kind: 'update' as const, ...range, messages: updates, window };
    await generator.call('run', load);
    console.log(`${devices} devices, ${window} Updates at a time, ${stormers} handshakes at a time\n${'ms until the answer'.padEnd(28)} ${['p50', 'p99', 'most', 'Updates/s'].map((each, i) => each.padStart(i === 3 ? 10 : 8)).join(' ')}`);
    console.log(line('alone', await generator.call('run', load)));
    const plan = { port: edge.coapsPort, forMs: STORM_MS, serverKey: spkiOf(server).toString('base64'), devices: Array.from({ length: stormers }, (_, i) => holder(i)) };
    const raging = storm.call('storm', plan);
    console.log(line('in the storm', await generator.call('run', load)));
    console.log(`${((await raging) / (STORM_MS / 1_000)).toFixed(0)} handshakes a second`);
    console.log(line('after it', await generator.call('run', load)));
  } finally {
    await Promise.allSettled([north.close(), generator.stop(), storm.stop(), edge.stop()]);
    await Promise.all([redis.stop(), kafka.stop()]);
  }
}

const directory = mkdtempSync(join(tmpdir(), 'storm-'));
try {
  await measure(directory);
} finally {
  rmSync(directory, { recursive: true });
}
