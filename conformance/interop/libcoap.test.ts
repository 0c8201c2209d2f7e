/** libcoap's client against the server. It serves no resources: it registers, also block-wise, updates, sends and de-registers. */
import { eventTypes } from '@cluster/contracts';
import { ensureLibcoap, freeUdpPort, LibcoapClient } from '@cluster/testing';
import { beforeAll, expect, it } from 'vitest';
import { describeServer, reports } from '../src/scene.ts';

describeServer('libcoap', (scene) => {
  let endpoint: string;
  let client: LibcoapClient;

  beforeAll(async () => {
    await ensureLibcoap();
    endpoint = `libcoap-${scene.server.mode}`;
    client = new LibcoapClient(scene.server.coapPort, await freeUdpPort());
  });

  it('registers', async () => {
    const location = await client.register(`ep=${endpoint}&lt=120&lwm2m=1.1&b=U`, '</>;rt="oma.lwm2m",</1/0>,</3/0>');
    expect(location).toMatch(/^\/rd\/[^/]{1,16}$/);
    const { data } = await scene.heard(endpoint, eventTypes.registered);
    expect(data).toMatchObject({ lifetimeS: 120, objectLinks: [{ path: '/1/0' }, { path: '/3/0' }] });
  });

  it('sends', async () => {
    expect(await client.send('[{"n":"/3/0/9","v":90}]', 110)).toBe('2.04');
    await scene.heard(endpoint, eventTypes.send, reports('/3/0/9', 90));
  });

  it('updates', async () => {
    expect(await client.update('lt=240')).toBe('2.04');
    expect((await scene.heard(endpoint, eventTypes.updated)).data).toMatchObject({ lifetimeS: 240 });
  });

  it.each([64, 1_024])('registers again in blocks of %i bytes', async (blockSize) => {
    const instances = Array.from({ length: 300 }, (_, id) => `/3303/${id}`);
    const links = ['</>;rt="oma.lwm2m"', '</1/0>', '</3/0>', ...instances.map((path) => `<${path}>`)].join(',');
    await client.register(`ep=${endpoint}&lt=120&lwm2m=1.1&b=U`, links, blockSize);
    const { data } = await scene.heard(endpoint, eventTypes.registered);
    const { objectLinks } = data as { objectLinks: { path: string }[] };
    expect(objectLinks.map((link) => link.path)).toEqual(expect.arrayContaining(instances));
  });

  it('de-registers', async () => {
    expect(await client.deregister()).toBe('2.02');
    await scene.heard(endpoint, eventTypes.deregistered);
    expect(await client.update()).toBe('4.04');
  });
});
