/** Eclipse Leshan's client over DTLS (Scandium): it proves who it is, and is managed as any other device. */
import { eventTypes } from '@cluster/contracts';
import { startLeshan, type LeshanClient } from '@cluster/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeServer, reports } from '../src/scene.ts';

const TEMPERATURE = '/3303/0/5700';
const KEY = '00112233445566778899aabbccddeeff';

describeServer('Leshan with a PSK and Connection IDs', (scene) => {
  let endpoint: string;
  let leshan: LeshanClient;

  beforeAll(async () => {
    endpoint = `leshan-psk-${scene.server.mode}`;
    await scene.rest.setCredentials(endpoint, { psk: { identity: `${endpoint}-id`, keyHex: KEY } });
    const security = { mode: 'psk', identity: `${endpoint}-id`, keyHex: KEY } as const;
    leshan = await startLeshan({ endpoint, port: scene.server.coapsPort, lifetimeS: 120, dtls: { security, cidLength: 6 } });
  });
  afterAll(() => leshan?.stop());

  it('registers', async () => {
    const location = await leshan.register();
    expect(await leshan.handshake()).toMatchObject({ ok: true, suite: 'TLS_PSK_WITH_AES_128_CCM_8', resumed: false, readCid: expect.anything(), writeCid: expect.anything() });
    const { data } = await scene.heard(endpoint, eventTypes.registered);
    expect(data).toMatchObject({ registrationId: location.slice(4), address: expect.stringMatching(/^dtls:127\.0\.0\.1:\d+$/) });
  });

  it('is read and written', async () => {
    const read = await scene.rest.command(endpoint, { op: 'read', path: '/3/0/0' });
    expect(read.values).toEqual([expect.objectContaining({ path: '/3/0/0', value: 'Eclipse Leshan' })]);
    expect((await scene.rest.command(endpoint, { op: 'write', path: '/3/0/15', value: 'UTC' })).code).toBe('2.04');
  });

  it('is observed, and sends', async () => {
    await scene.rest.observe(endpoint, [{ path: TEMPERATURE }]);
    await scene.heard(endpoint, eventTypes.notification, reports(TEMPERATURE, 21.5));
    leshan.setValue(TEMPERATURE, 22.25);
    await scene.heard(endpoint, eventTypes.notification, reports(TEMPERATURE, 22.25));
    expect(await leshan.send([TEMPERATURE])).toBe('2.04');
  });

  it('updates after it resumed its session', async () => {
    leshan.resumeSession();
    await leshan.update();
    expect(await leshan.handshake()).toMatchObject({ ok: true, resumed: true });
    expect((await scene.rest.command(endpoint, { op: 'read', path: '/3/0/0' })).code).toBe('2.05');
  });

  it('de-registers', async () => {
    await leshan.deregister();
    await scene.heard(endpoint, eventTypes.deregistered);
  });
});
