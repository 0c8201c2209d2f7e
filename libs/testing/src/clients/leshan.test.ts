import { once } from 'node:events';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { FakeServer } from '../device/fake-server.ts';
import { startLeshan, type LeshanClient } from './leshan.ts';

let server: FakeServer;
let leshan: LeshanClient;

beforeAll(async () => {
  server = await FakeServer.start();
  leshan = await startLeshan({ endpoint: 'leshan-1', port: server.port });
}, 300_000);

afterAll(async () => {
  await leshan.stop();
  server.stop();
});

it('plays a whole registration with reads, writes, observations and Send', async () => {
  const registered = once(server, 'register');
  expect(await leshan.register()).toBe('/rd/r1');
  expect((await registered)[0].query).toContain('ep=leshan-1');

  expect(String((await server.request({ path: '/3/0/0', accept: 0 })).payload)).toBe('Eclipse Leshan');
  expect((await server.request({ path: '/3/0', accept: 11_542 })).contentFormat).toBe(11_542);

  const write = await server.request({ method: 'PUT', path: '/3/0/15', payload: 'UTC', contentFormat: 0 });
  expect(write.code).toBe('2.04');
  expect(await leshan.next('written')).toMatchObject({ path: '/3/0/15', value: 'UTC' });
  await server.request({ method: 'POST', path: '/3303/0/5605' });
  expect(await leshan.next('executed')).toMatchObject({ path: '/3303/0/5605' });

  const created = { method: 'POST', path: '/3303', payload: '[{"n":"/3303/5/5700","v":1.5}]', contentFormat: 110 } as const;
  expect((await server.request(created)).code).toBe('2.01');
  expect(String((await server.request({ path: '/3303/5/5700', accept: 0 })).payload)).toBe('1.5');
  expect((await server.request({ method: 'DELETE', path: '/3303/5' })).code).toBe('2.02');

  const token = Buffer.from('0102030405060708', 'hex');
  const observed = await server.request({ path: '/3303/0/5700', accept: 0, observe: 0, token });
  expect(String(observed.payload)).toBe('21.5');
  await leshan.next('observed');
  const notified = once(server, 'notification');
  leshan.setValue('/3303/0/5700', 22.25);
  expect(String((await notified)[0].payload)).toBe('22.25');

  const sent = once(server, 'send');
  expect(await leshan.send(['/3303/0/5700'], 110)).toBe('2.04');
  expect(JSON.parse(String((await sent)[0].payload))).toEqual([expect.objectContaining({ v: 22.25 })]);

  await leshan.update();
  server.forgetRegistrations();
  const again = once(server, 'register');
  leshan.process.command({ do: 'update' });
  await again;
  await leshan.next('registered');
  await leshan.deregister();
}, 60_000);
