import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { JsonLineProcess, type ClientEvent } from '../clients/json-process.ts';
import { NatNetwork } from './nat-network.ts';

/** A device: sends what it is told to, and tells what comes and where from. */
const DEVICE = `
const socket = require('node:dgram').createSocket('udp4').bind(0);
const tell = (event) => console.log(JSON.stringify(event));
socket.on('message', (data, { address, port }) => tell({ event: 'received', data: String(data), from: address + ':' + port }));
require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
  const [host, port] = JSON.parse(line).to.split(':');
  socket.send('question', Number(port), host);
}).on('close', () => process.exit(0));
socket.on('listening', () => tell({ event: 'ready' }));
`;

let workers: Socket[];
let network: NatNetwork;
let device: JsonLineProcess;

beforeEach(async () => {
  workers = [];
  for (let count = 0; count < 8; count++) {
    const worker = createSocket('udp4').bind(0);
    workers.push(worker);
    await once(worker, 'listening');
  }
  network = await NatNetwork.open({ workers: workers.map((worker) => worker.address().port) });
  device = new JsonLineProcess(...network.command(process.execPath, ['-e', DEVICE]));
  await device.next('ready');
}, 300_000);

afterEach(async () => {
  await device.stop();
  for (const worker of workers) worker.close();
  await network.close();
});

async function ask(): Promise<{ worker: Socket; address: string; port: number }> {
  const asked = workers.map(async (worker) => ({ worker, from: (await once(worker, 'message'))[1] as { address: string; port: number } }));
  device.command({ to: network.server });
  const { worker, from } = await Promise.race(asked);
  return { worker, ...from };
}

const received = (data: string): Promise<ClientEvent> => device.next('received', (event) => event['data'] === data);

it("keeps a flow at its worker, answers from the balancer's address, and gives a worker's own flow another source", async () => {
  const { worker, address, port } = await ask();
  expect(network.deviceAddresses).toContain(address);
  expect((await ask()).worker).toBe(worker);
  worker.send('answer', port, address);
  expect(await received('answer')).toMatchObject({ from: network.server });
  workers.find((other) => other !== worker)!.send('unasked', port, address);
  expect((await received('unasked'))['from']).toMatch(new RegExp(`^${network.otherSource}:`));
});

it('moves flows to other workers', async () => {
  const seen = new Set<Socket>();
  for (let turn = 0; turn < 100 && seen.size < 2; turn++) {
    seen.add((await ask()).worker);
    await network.moveFlows();
  }
  expect(seen.size).toBe(2);
  const [only] = workers;
  await network.setWorkers([only!.address().port]);
  await network.moveFlows();
  expect((await ask()).worker).toBe(only);
});
