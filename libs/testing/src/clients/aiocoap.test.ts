import { once } from 'node:events';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { FakeServer } from '../device/fake-server.ts';
import { startAiocoap, type AiocoapClient } from './aiocoap.ts';

let server: FakeServer;
let client: AiocoapClient;

beforeAll(async () => {
  server = await FakeServer.start();
  client = await startAiocoap({ endpoint: 'aiocoap-1', port: server.port });
}, 300_000);

afterAll(async () => {
  await client?.stop();
  server.stop();
});

it('plays a whole registration with reads, writes, observations and Send', async () => {
  const registered = once(server, 'register');
  expect(await client.register()).toBe('/rd/r1');
  expect((await registered)[0].query).toContain('ep=aiocoap-1');

  expect(String((await server.request({ path: '/3/0/0', accept: 0 })).payload)).toBe('aiocoap');
  const tlv = await server.request({ path: '/3/0/9', accept: 11_542 });
  expect(tlv.payload.toString('hex')).toBe('c10964'); // OMA LwM2M Core 1.1 §7.4.4: the /3/0 example
  expect((await server.request({ path: '/3/0/0', accept: 112 })).code).toBe('4.06');

  const write = await server.request({ method: 'PUT', path: '/3/0/15', payload: 'UTC', contentFormat: 0 });
  expect(write.code).toBe('2.04');
  expect(await client.next('written')).toMatchObject({ value: 'UTC' });
  await server.request({ method: 'POST', path: '/3/0/4', payload: '5' });
  expect(await client.next('executed')).toMatchObject({ arguments: '5' });

  const token = Buffer.from('0102030405060708', 'hex');
  await server.request({ path: '/3303/0/5700', accept: 0, observe: 0, token });
  await client.next('observed');
  const notified = once(server, 'notification');
  client.setValue('/3303/0/5700', 22.25);
  expect(String((await notified)[0].payload)).toBe('22.25');

  const sent = once(server, 'send');
  expect(await client.send('/3303/0/5700')).toBe('2.04');
  expect((await sent)[0].contentFormat).toBe(110);

  expect(await client.update()).toBe('2.04');
  expect(await client.deregister()).toBe('2.02');
  expect(await client.update()).toBe('4.04');
});

it('sends any request', async () => {
  const answer = await client.request({ method: 'POST', path: ['rd'], query: ['ep=raw'], contentFormat: 40 });
  expect(answer).toMatchObject({ code: '2.01', location: expect.stringMatching(/^\/rd\/r\d+$/) });
});
