/** Leshan's client at the bootstrap server with a raw public key: what the cases of the enabler's tests leave out. */
import { eventTypes, type BootstrapSessionView } from '@cluster/contracts';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { bootstrappingLeshan } from '../src/bootstrap-players.ts';
import { Scene } from '../src/scene.ts';
import { makeServerKeys, spkiBase64 } from '../src/server-keys.ts';

const ENDPOINT = 'raw-key';
const keys = await makeServerKeys(ENDPOINT);
const scene = new Scene();
beforeAll(() => scene.open({ mode: 'standalone', env: keys.env }));
afterAll(async () => {
  await scene.close();
  await keys.remove();
});

test('a device that proves itself by a raw public key is bootstrapped, and registers with a key that was made for it (row B13)', async () => {
  const { client, server } = keys.pki;
  await scene.rest.setCredentials(ENDPOINT, { rpk: { spkiBase64: await spkiBase64(client.publicKeyFile) }, role: 'bootstrap' });
  const uri = `coaps://127.0.0.1:${scene.server.coapsPort}`;
  const account = { role: 'management', uri, security: { mode: 'rpk', from: 'make' }, shortServerId: 1, lifetimeS: 120 };
  await scene.rest.put(`/endpoints/${ENDPOINT}/bootstrap/configuration`, { document: { accounts: [account] } });
  const security = { mode: 'rpk', keyFile: client.keyFile, publicKeyFile: client.publicKeyFile, peerKeyFile: server.publicKeyFile } as const;
  const player = await bootstrappingLeshan(() => ({ security })).open(scene, ENDPOINT);
  try {
    await player.bootstrap();
    await player.register();
    expect((await scene.heard(ENDPOINT, eventTypes.registered)).data).toMatchObject({ address: expect.stringMatching(/^dtls:/), lifetimeS: 120 });
    await vi.waitFor(async () => {
      const sessions = (await scene.rest.get(`/endpoints/${ENDPOINT}/bootstrap/sessions`)) as BootstrapSessionView[];
      expect(sessions).toMatchObject([{ outcome: 'finished', identity: expect.stringMatching(/^rpk/) }]);
    }, 10_000);
  } finally {
    await player.stop();
  }
});
