import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { UdpBalancer, type UdpBalancerOptions } from './udp-balancer.ts';

let sockets: Socket[];
let balancer: UdpBalancer;

beforeEach(() => {
  sockets = [];
});
afterEach(() => {
  balancer.close();
  for (const socket of sockets) socket.close();
});

async function open(): Promise<Socket> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  sockets.push(socket);
  await once(socket, 'listening');
  return socket;
}

async function stage(options: Omit<UdpBalancerOptions, 'workers'> = {}): Promise<{ device: Socket; workers: Socket[] }> {
  const workers = [await open(), await open(), await open()];
  balancer = await UdpBalancer.open({ workers: workers.map((worker) => worker.address().port), ...options });
  return { device: await open(), workers };
}

/** Sends from the device; tells which worker got it, and where from. */
async function ask(device: Socket, workers: readonly Socket[]): Promise<{ worker: Socket; from: RemoteInfo }> {
  const arrived = Promise.race(workers.map(async (worker) => ({ worker, from: (await once(worker, 'message'))[1] as RemoteInfo })));
  device.send('question', balancer.port, '127.0.0.1');
  return arrived;
}

async function sourceOf(device: Socket, worker: Socket, from: RemoteInfo): Promise<number> {
  const arrived = once(device, 'message');
  worker.send('answer', from.port, from.address);
  return ((await arrived)[1] as RemoteInfo).port;
}

it('keeps a flow at its worker until it is moved, then at another', async () => {
  const { device, workers } = await stage();
  const first = await ask(device, workers);
  expect((await ask(device, workers)).worker).toBe(first.worker);
  expect(balancer.moveFlows()).toBe(1);
  const second = await ask(device, workers);
  expect(second.worker).not.toBe(first.worker);
  expect(second.from).toEqual(first.from); // the device looks the same
});

it('gives a device another address when it forgets its flow', async () => {
  const { device, workers } = await stage();
  const { from } = await ask(device, workers);
  expect(balancer.forgetFlows()).toBe(1);
  expect((await ask(device, workers)).from.port).not.toBe(from.port);
});

it('leaves a worker that is gone', async () => {
  const { device, workers } = await stage();
  const { worker: gone } = await ask(device, workers);
  const rest = workers.filter((worker) => worker !== gone);
  balancer.setWorkers(rest.map((worker) => worker.address().port));
  expect((await ask(device, workers)).worker).not.toBe(gone);
});

it("answers from its own port, and hands on a worker's own datagrams from another", async () => {
  const { device, workers } = await stage();
  const { worker, from } = await ask(device, workers);
  expect(await sourceOf(device, worker, from)).toBe(balancer.port);
  const stranger = workers.find((other) => other !== worker)!;
  expect(await sourceOf(device, stranger, from)).not.toBe(balancer.port);
  expect(balancer.strays).toBe(1);
});

it('gives each datagram to any worker', async () => {
  const turns = [0, 0.4, 0.9, 0];
  const { device, workers } = await stage({ steering: 'datagram', random: () => turns.shift() ?? 0 });
  await ask(device, workers); // the flow's first worker, and this datagram's
  const second = await ask(device, workers);
  const third = await ask(device, workers);
  expect([second.worker, third.worker]).toEqual([workers[2], workers[0]]);
  expect(await sourceOf(device, workers[1]!, third.from)).toBe(balancer.port);
});
