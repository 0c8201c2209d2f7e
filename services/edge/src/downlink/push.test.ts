/** A package on its way to a device: other commands go between its blocks, and another worker goes on where one ended. */
import { join } from 'node:path';
import type { PackageReader } from '@cluster/firmware';
import { DirectoryStorage } from '@cluster/package-storage';
import { SimulatedDevice, SimulatedFirmware } from '@cluster/testing';
import { createHash } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openHarness, type Harness } from '../testing/harness.ts';

const ID = 'p'.repeat(22);
const IMAGE = Buffer.from(Uint8Array.from({ length: 40_000 }, (_, i) => (i * 31) >> 3));
const DIGEST = createHash('sha256').update(IMAGE).digest('hex');

let harness: Harness;
let storage: PackageReader;
let device: SimulatedDevice | undefined;
beforeEach(async () => {
  harness = await openHarness();
  const directory = await DirectoryStorage.open(join(harness.directory, 'packages'));
  await directory.append(ID, 0, IMAGE.length, (async function* () { yield IMAGE; })());
  await directory.complete(ID);
  storage = directory;
});
afterEach(async () => {
  device?.kill();
  await harness.close();
});

const start = (env: Record<string, string> = {}) => harness.start(env, (deps) => ({ ...deps, packages: { reader: storage } }));

/** Tells the number of each block that reaches the device. */
function onBlock(of: SimulatedDevice, heard: (num: number) => void): void {
  of.faults.loseIncoming = (message) => {
    const { options = [] } = message as { options?: { name: string | number; value: Buffer }[] };
    const block = options.find(({ name }) => name === 'Block1' || name === 27)?.value;
    if (block !== undefined) heard((block.length === 0 ? 0 : block.readUIntBE(0, block.length)) >> 4);
    return !of.faults.radioOn;
  };
}

test('a more urgent command goes between two blocks', async () => {
  const edge = await start();
  device = new SimulatedDevice({ endpoint: 'pushed', server: `coap://127.0.0.1:${edge.coapPort}` });
  const firmware = new SimulatedFirmware(device, '2.0');
  await device.start();
  const order: string[] = [];
  device.on('request', ({ operation }) => order.push(operation));
  let read: ReturnType<Harness['command']> | undefined;
  onBlock(device, (num) => {
    if (num === 5) read ??= harness.command('pushed', { op: 'read', path: '/3/0/9', priority: 9 });
  });
  const done = await harness.command('pushed', { op: 'write', path: '/5/0/0', package: ID, priority: 1 });
  expect(done.response?.code).toBe('2.04');
  expect((await read)?.response?.code).toBe('2.05');
  expect(order).toEqual(['read', 'write']);
  expect(firmware.taken).toEqual([DIGEST]);
});

test('the queue holds no bytes of the package, and is not written with each block', async () => {
  const edge = await start();
  device = new SimulatedDevice({ endpoint: 'pushed', server: `coap://127.0.0.1:${edge.coapPort}` });
  await device.start();
  const [number = ''] = await harness.sessions.resolve(['pushed']);
  const seen: ReturnType<typeof harness.sessions.loadEntries>[] = [];
  onBlock(device, () => seen.push(harness.sessions.loadEntries(number)));
  await harness.command('pushed', { op: 'write', path: '/5/0/0', package: ID });
  const entries = (await Promise.all(seen)).flat();
  expect(entries).toHaveLength(40);
  expect(Math.max(...entries.map(({ record }) => record.length))).toBeLessThan(600);
  expect(new Set(entries.map(({ version }) => version)).size).toBeLessThan(8);
});

test('another worker goes on where one ended', async () => {
  const first = await start();
  const port = String(first.coapPort);
  device = new SimulatedDevice({ endpoint: 'pushed', server: `coap://127.0.0.1:${port}` });
  const firmware = new SimulatedFirmware(device, '2.0');
  await device.start();
  const blocks: number[] = [];
  const reached = Promise.withResolvers<void>();
  onBlock(device, (num) => {
    if (!device!.faults.radioOn) return;
    blocks.push(num);
    if (num === 12 && blocks.length === 13) {
      device!.faults.radioOn = false;
      reached.resolve();
    }
  });
  const done = harness.command('pushed', { op: 'write', path: '/5/0/0', package: ID });
  await reached.promise;
  await first.close();
  await start({ LWM2M_COAP_PORT: port });
  device.faults.radioOn = true;
  expect(await device.update()).toBe('2.04');
  expect((await done).response?.code).toBe('2.04');
  expect(firmware.taken).toEqual([DIGEST]);
  // What the first worker knew when it ended was stored: the block that was out comes again, none before it.
  expect(blocks).toEqual([...Array.from({ length: 13 }, (_, i) => i), ...Array.from({ length: 28 }, (_, i) => i + 12)]);
});

test('datagrams that get lost, on the way there or back, are made up for', async () => {
  const edge = await start({ LWM2M_MAX_TRANSMIT_WAIT_S: '4' });
  device = new SimulatedDevice({ endpoint: 'pushed', server: `coap://127.0.0.1:${edge.coapPort}` });
  const firmware = new SimulatedFirmware(device, '2.0');
  await device.start();
  let heard = 0;
  let answered = 0;
  device.faults.loseIncoming = () => ++heard % 9 === 0;
  device.faults.loseOutgoing = () => ++answered % 11 === 0;
  const done = await harness.command('pushed', { op: 'write', path: '/5/0/0', package: ID });
  expect(done.response?.code).toBe('2.04');
  expect(firmware.taken).toEqual([DIGEST]);
});

test('a package that is gone ends the command', async () => {
  const edge = await start();
  device = new SimulatedDevice({ endpoint: 'pushed', server: `coap://127.0.0.1:${edge.coapPort}` });
  await device.start();
  expect(await harness.command('pushed', { op: 'write', path: '/5/0/0', package: 'g'.repeat(22) })).toMatchObject({ state: 'cancelled', reason: 'the package is gone' });
});
