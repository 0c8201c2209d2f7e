import { once } from 'node:events';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { freeUdpPort } from './udp-port.ts';
import { FakeServer } from '../device/fake-server.ts';
import { ensureLibcoap, LibcoapClient } from './libcoap.ts';

let server: FakeServer;
let client: LibcoapClient;

beforeAll(async () => {
  await ensureLibcoap();
  server = await FakeServer.start();
  client = new LibcoapClient(server.port, await freeUdpPort());
}, 300_000);

afterAll(() => server.stop());

it('registers, updates, sends and de-registers from one port', async () => {
  const registered = once(server, 'register');
  expect(await client.register('ep=libcoap-1&lt=60&lwm2m=1.1&b=U', '</>;rt="oma.lwm2m",</3/0>')).toBe('/rd/r1');
  const [{ query, port }] = await registered;
  expect(query).toEqual(['ep=libcoap-1', 'lt=60', 'lwm2m=1.1', 'b=U']);
  const sent = once(server, 'send');
  expect(await client.send('[{"n":"/3/0/9","v":90}]', 110)).toBe('2.04');
  expect((await sent)[0]).toMatchObject({ contentFormat: 110, port });
  expect(await client.update('lt=90')).toBe('2.04');
  expect(await client.deregister()).toBe('2.02');
  expect(await client.update()).toBe('4.04');
});

it('registers block-wise', async () => {
  const registered = once(server, 'register');
  const links = ['</>;rt="oma.lwm2m"', ...Array.from({ length: 100 }, (_, id) => `</3303/${id}>`)].join(',');
  await client.register('ep=libcoap-2&lt=60&lwm2m=1.1&b=U', links, 64);
  expect(String((await registered)[0].payload)).toBe(links);
});
