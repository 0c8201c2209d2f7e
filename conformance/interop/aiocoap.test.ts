/** A client on aiocoap, with text and TLV alone, against the server; and raw requests that no LwM2M client would send. */
import { eventTypes } from '@cluster/contracts';
import { startAiocoap, type AiocoapClient } from '@cluster/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeServer, reports } from '../src/scene.ts';

const TEMPERATURE = '/3303/0/5700';

describeServer('aiocoap', (scene) => {
  let endpoint: string;
  let client: AiocoapClient;

  beforeAll(async () => {
    endpoint = `aiocoap-${scene.server.mode}`;
    client = await startAiocoap({ endpoint, port: scene.server.coapPort, lifetimeS: 120 });
  });
  afterAll(() => client?.stop());

  it('registers', async () => {
    const location = await client.register();
    expect(location).toMatch(/^\/rd\/[^/]{1,16}$/);
    const { data } = await scene.heard(endpoint, eventTypes.registered);
    expect(data).toMatchObject({ registrationId: location.slice(4), lifetimeS: 120 });
  });

  it.each([
    { accept: 0, path: '/3/0/0', value: 'aiocoap' },
    { accept: 11_542, path: '/3/0/0', value: 'aiocoap' },
    { accept: 11_542, path: '/3/0/9', value: 100 },
    { accept: 11_542, path: TEMPERATURE, value: 21.5 },
  ])('is read at $path in format $accept', async ({ accept, path, value }) => {
    const response = await scene.rest.command(endpoint, { op: 'read', path, accept });
    expect(response).toMatchObject({ code: '2.05', contentFormat: accept });
    expect(response.values).toEqual([expect.objectContaining({ path, value })]);
  });

  it('tells that it does not speak a format', async () => {
    expect((await scene.rest.command(endpoint, { op: 'read', path: '/3/0/0', accept: 112 })).code).toBe('4.06');
  });

  it('is written and executed', async () => {
    const write = await scene.rest.command(endpoint, { op: 'write', path: '/3/0/15', value: 'UTC', contentFormat: 0 });
    expect(write.code).toBe('2.04');
    expect(await client.next('written')).toMatchObject({ value: 'UTC' });
    expect((await scene.rest.command(endpoint, { op: 'execute', path: '/3/0/4', arguments: '5' })).code).toBe('2.04');
    expect(await client.next('executed')).toMatchObject({ arguments: '5' });
  });

  it('is observed', async () => {
    await scene.rest.observe(endpoint, [{ path: TEMPERATURE, accept: 0 }]);
    await client.next('observed');
    client.setValue(TEMPERATURE, 22.25);
    await scene.heard(endpoint, eventTypes.notification, reports(TEMPERATURE, 22.25));
  });

  it('sends', async () => {
    expect(await client.send(TEMPERATURE)).toBe('2.04');
    await scene.heard(endpoint, eventTypes.send, reports(TEMPERATURE, 22.25));
  });

  it('updates and changes its lifetime', async () => {
    expect(await client.update(['lt=240'])).toBe('2.04');
    const { data } = await scene.heard(endpoint, eventTypes.updated);
    expect(data).toMatchObject({ lifetimeS: 240 });
  });

  it('registers again, and the old location is gone', async () => {
    const old = (await scene.rest.endpoint(endpoint))?.registrationId ?? '';
    const location = await client.register();
    await scene.heard(endpoint, eventTypes.registered);
    expect(location).not.toBe(`/rd/${old}`);
    expect((await client.request({ method: 'POST', path: ['rd', old] })).code).toBe('4.04');
  });

  // OMA Transport 1.1.1 §6.4.3 and §6.4.5
  it.each([
    { why: 'no endpoint name', query: ['lt=60', 'lwm2m=1.1'], code: '4.00' },
    { why: 'an unknown version', query: ['ep=x', 'lt=60', 'lwm2m=7.0'], code: '4.12' },
    { why: 'no lifetime that is one', query: ['ep=x', 'lt=soon', 'lwm2m=1.1'], code: '4.00' },
  ])('is refused a Register with $why', async ({ query, code }) => {
    const payload = Buffer.from('</3/0>');
    expect((await client.request({ method: 'POST', path: ['rd'], query, payload, contentFormat: 40 })).code).toBe(code);
  });

  it('is refused a Send that is none', async () => {
    const payload = Buffer.from('[{"n":');
    expect((await client.request({ method: 'POST', path: ['dp'], payload, contentFormat: 110 })).code).toBe('4.00');
  });

  it('de-registers', async () => {
    expect(await client.deregister()).toBe('2.02');
    await scene.heard(endpoint, eventTypes.deregistered);
    expect(await client.update()).toBe('4.04');
  });
});
