import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { NatNetwork } from '../network/nat-network.ts';
import { JsonLineProcess } from './json-process.ts';
import { buildPionFleet, fleetCredentials, PionFleet, type FleetOptions } from './pion-fleet.ts';

const COUNT = 20;
const NAMES = { count: COUNT, keySeed: 'long live the fleet' };

let directory: string;
let reference: JsonLineProcess;
let port: number;
let fleet: PionFleet;

beforeAll(async () => {
  const programs = await buildPionFleet();
  directory = await mkdtemp(join(tmpdir(), 'pion-fleet-'));
  const settings = { keySeed: NAMES.keySeed, path: '/3303/0/5700', cidLength: 8 };
  reference = new JsonLineProcess(join(programs, 'reference'), [JSON.stringify(settings)]);
  port = Number((await reference.next('ready'))['port']);
}, 600_000);
afterEach(() => fleet.stop());
afterAll(async () => {
  await reference.stop();
  await rm(directory, { recursive: true, force: true });
});

async function start(options: Partial<FleetOptions>): Promise<void> {
  const files = { ledgerFile: join(directory, 'ledger'), nonceFile: join(directory, 'nonces') };
  fleet = await PionFleet.open({ ...NAMES, port, ...files, ...options });
}

async function referenceReport(): Promise<Record<string, number>> {
  reference.command({ do: 'report' });
  return (await reference.next('report')) as unknown as Record<string, number>;
}

it('keeps one association a device through address changes, and a ledger of what was acknowledged', async () => {
  const before = await referenceReport();
  await start({ cidLength: 0, notifyS: 0.1, updateS: 1 });
  await fleet.start();
  expect(await fleet.rebind({ address: '127.0.0.2' })).toBe(COUNT);
  await vi.waitFor(async () => {
    const { devices } = await fleet.report();
    const fewest = (counter: 'acknowledged' | 'updates'): number =>
      Math.min(...Object.values(devices).map((device) => device[counter] ?? 0));
    expect(fewest('acknowledged')).toBeGreaterThan(20);
    expect(fewest('updates')).toBeGreaterThan(0);
  }, 30_000);
  fleet.pause();
  reference.command({ do: 'read' }); // each device has spoken from its new address: the reference knows it
  await vi.waitFor(async () => expect((await fleet.report()).totals.requests).toBe(COUNT), 30_000);
  const { totals, devices, registered } = await fleet.report();
  expect(registered).toBe(COUNT);
  expect(totals).toMatchObject({ handshakes: COUNT, handshakesFailed: 0, replayed: 0, undecryptable: 0, rebinds: COUNT });
  expect(devices['fleet-7']).toMatchObject({ handshakes: 1, registers: 1, observed: 1 });

  const ledger = await fleet.ledger();
  expect(ledger.length).toBeGreaterThanOrEqual(totals.acknowledged);
  const own = ledger.filter(({ endpoint }) => endpoint === 'fleet-7').map(({ value }) => value);
  expect(own).toEqual(own.map((_, index) => index + 1));
  expect((await referenceReport())['notifications']! - before['notifications']!).toBeGreaterThanOrEqual(ledger.length);
  const nonces = await fleet.nonces();
  expect(nonces.repeated).toEqual([]);
  expect(nonces.records).toBeGreaterThan(ledger.length);
}, 60_000);

it('registers again at 4.04, and shakes hands again when the server ends the association', async () => {
  await start({ cidLength: 8 });
  await fleet.start();
  reference.command({ do: 'forget' });
  await reference.next('forgotten');
  fleet.update();
  await vi.waitFor(async () => {
    expect((await fleet.report()).totals).toMatchObject({ handshakes: COUNT, updatesNotFound: COUNT, registers: 2 * COUNT });
  }, 30_000);
  reference.command({ do: 'end' });
  await vi.waitFor(async () => {
    expect((await fleet.report()).totals).toMatchObject({ handshakes: 2 * COUNT, sessionsEnded: COUNT, registers: 3 * COUNT });
  }, 30_000);
}, 90_000);

it('takes credentials from a file', async () => {
  const credentialsFile = join(directory, 'credentials');
  const own = fleetCredentials({ ...NAMES, endpoint: 'of-the-file-{n}', identity: 'urn:dev:{n}' });
  await writeFile(credentialsFile, own.map((one) => JSON.stringify(one)).join('\n'));
  await start({ credentialsFile, first: 5, count: 10, keySeed: 'not used' });
  await fleet.start();
  expect(Object.keys((await fleet.report()).devices)).toEqual(own.slice(5, 15).map(({ endpoint }) => endpoint).sort());
}, 60_000);

it('leaves with De-register and close_notify', async () => {
  const before = await referenceReport();
  await start({ cidLength: 0 });
  await fleet.start();
  await fleet.leave();
  expect((await fleet.report()).totals).toMatchObject({ handshakes: COUNT, deregisters: COUNT, sessionsEnded: 0 });
  await vi.waitFor(async () => expect((await referenceReport())['closed']! - before['closed']!).toBe(COUNT), 30_000);
}, 60_000);

it('lives in a network namespace, behind a balancer that moves its flows', async () => {
  const network = await NatNetwork.open({ workers: [1] });
  const settings = { keySeed: NAMES.keySeed, path: '/3303/0/5700', cidLength: 8, address: network.workerAddress };
  const worker = new JsonLineProcess(join(await buildPionFleet(), 'reference'), [JSON.stringify(settings)]);
  await network.setWorkers([Number((await worker.next('ready'))['port'])]);
  fleet = await PionFleet.open({ ...NAMES, cidLength: 0, notifyS: 0.1 }, network);
  await fleet.start();
  await network.moveFlows();
  const { acknowledged } = (await fleet.report()).totals;
  await vi.waitFor(async () => {
    expect((await fleet.report()).totals.acknowledged).toBeGreaterThan(acknowledged + 10 * COUNT);
  }, 30_000);
  expect((await fleet.report()).totals).toMatchObject({ handshakes: COUNT, sessionsGivenUp: 0 });
  await fleet.stop();
  await worker.stop();
  await network.close();
}, 90_000);

it('tells that handshakes fail', async () => {
  await start({ keySeed: 'another', handshakeS: 1, count: 1 });
  fleet.process.command({ do: 'start' });
  expect(await fleet.trouble()).toMatchObject({ endpoint: 'fleet-0', reason: 'no answer' });
  expect((await fleet.report()).totals).toMatchObject({ handshakes: 0, handshakesFailed: 1 });
}, 60_000);
