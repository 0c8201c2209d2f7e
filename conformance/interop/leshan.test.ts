/** Eclipse Leshan's client against the server: a device's whole life, as far as that client plays it. */
import { eventTypes } from '@cluster/contracts';
import { startLeshan, type LeshanClient } from '@cluster/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeServer, reports } from '../src/scene.ts';

const TEMPERATURE = '/3303/0/5700';

describeServer('Leshan', (scene) => {
  let endpoint: string;
  let leshan: LeshanClient;

  beforeAll(async () => {
    endpoint = `leshan-${scene.server.mode}`;
    leshan = await startLeshan({ endpoint, port: scene.server.coapPort, lifetimeS: 120 });
  });
  afterAll(() => leshan?.stop());

  it('registers', async () => {
    const location = await leshan.register();
    expect(location).toMatch(/^\/rd\/[^/]{1,16}$/);
    const { data } = await scene.heard(endpoint, eventTypes.registered);
    expect(data).toMatchObject({ registrationId: location.slice(4), lifetimeS: 120, lwm2mVersion: '1.1', binding: 'U' });
    const view = await scene.rest.endpoint(endpoint);
    expect(view?.objectLinks.map((link) => link.path)).toEqual(expect.arrayContaining(['/3/0', '/3303/0']));
  });

  it.each([0, 110, 112, 11_542, 11_543])('is read in format %i', async (accept) => {
    const response = await scene.rest.command(endpoint, { op: 'read', path: '/3/0/0', accept });
    expect(response).toMatchObject({ code: '2.05', contentFormat: accept });
    expect(response.values).toEqual([expect.objectContaining({ path: '/3/0/0', value: 'Eclipse Leshan' })]);
  });

  it.each([110, 112, 11_542])('is read as an instance in format %i', async (accept) => {
    const response = await scene.rest.command(endpoint, { op: 'read', path: '/3/0', accept });
    expect(response.values).toEqual(expect.arrayContaining([
      expect.objectContaining({ path: '/3/0/9', value: 100, type: 'integer' }),
      expect.objectContaining({ path: '/3/0/7/1', value: 5_000 }),
    ]));
  });

  it('is discovered', async () => {
    const response = await scene.rest.command(endpoint, { op: 'discover', path: '/3303' });
    expect(response).toMatchObject({ code: '2.05', links: expect.stringContaining('</3303/0/5700>') });
  });

  it('is written and executed', async () => {
    const write = await scene.rest.command(endpoint, { op: 'write', path: '/3/0/15', value: 'UTC' });
    expect(write.code).toBe('2.04');
    expect(await leshan.next('written')).toMatchObject({ path: '/3/0/15', value: 'UTC' });
    const execute = await scene.rest.command(endpoint, { op: 'execute', path: '/3303/0/5605', arguments: "0='a'" });
    expect(execute.code).toBe('2.04');
    expect(await leshan.next('executed')).toMatchObject({ path: '/3303/0/5605', arguments: "0='a'" });
  });

  it('tells why it refuses', async () => {
    expect((await scene.rest.command(endpoint, { op: 'read', path: '/3/7' })).code).toBe('4.04');
    expect((await scene.rest.command(endpoint, { op: 'write', path: '/3/0/0', value: 'x' })).code).toBe('4.05');
  });

  it('creates and deletes instances', async () => {
    const values = [{ path: '/3303/5/5700', value: 1.5 }];
    const created = await scene.rest.command(endpoint, { op: 'create', path: '/3303', values });
    expect(created.code).toBe('2.01');
    expect((await scene.rest.command(endpoint, { op: 'delete', path: '/3303/5' })).code).toBe('2.02');
  });

  it('is read by a composite', async () => {
    const response = await scene.rest.command(endpoint, { op: 'read-composite', paths: ['/3/0/0', TEMPERATURE] });
    expect(response.code).toBe('2.05');
    expect(response.values).toHaveLength(2);
  });

  it('is observed', async () => {
    await scene.rest.observe(endpoint, [{ path: TEMPERATURE }]);
    await scene.heard(endpoint, eventTypes.notification, reports(TEMPERATURE, 21.5)); // the answer: only then is the client bound to notify
    leshan.setValue(TEMPERATURE, 22.25);
    await scene.heard(endpoint, eventTypes.notification, reports(TEMPERATURE, 22.25));
  });

  it.each([110, 112])('sends in format %i', async (format) => {
    expect(await leshan.send([TEMPERATURE], format)).toBe('2.04');
    const { data } = await scene.heard(endpoint, eventTypes.send, reports(TEMPERATURE, 22.25));
    expect(data).toMatchObject({ contentFormat: format });
  });

  it('updates', async () => {
    await leshan.update();
    await scene.heard(endpoint, eventTypes.updated);
  });

  it('registers again when the operator dropped it, and is observed again', async () => {
    await scene.rest.dropRegistration(endpoint);
    await scene.heard(endpoint, eventTypes.removed);
    leshan.process.command({ do: 'update' });
    await leshan.next('registered');
    await scene.heard(endpoint, eventTypes.registered);
    await scene.heard(endpoint, eventTypes.notification, reports(TEMPERATURE, 22.25));
    leshan.setValue(TEMPERATURE, 23.5);
    await scene.heard(endpoint, eventTypes.notification, reports(TEMPERATURE, 23.5));
  });

  it('de-registers', async () => {
    await leshan.deregister();
    await scene.heard(endpoint, eventTypes.deregistered);
    expect((await scene.rest.endpoint(endpoint))?.state).not.toBe('registered');
  });
});
