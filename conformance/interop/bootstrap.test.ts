/** What the cases of the enabler's tests leave out: Leshan's client with a raw public key, and a device that is rid of one of its servers. */
import { eventTypes, type BootstrapSessionView } from '@cluster/contracts';
import { accessControlObject, BootstrapClient, type BootstrapClientOptions, defaultObjects, SimulatedDevice } from '@cluster/testing';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { bootstrappingLeshan } from '../src/bootstrap-players.ts';
import { reports, Scene } from '../src/scene.ts';
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

test('who registers sees the owner of an object change when another server is unbootstrapped (row B18)', async () => {
  const endpoint = 'unbootstrapped';
  const { coapPort, bootstrap } = scene.server;
  const ofOther = { ...accessControlObject, resources: accessControlObject.resources.map((each) => (each.id === 3 ? { ...each, value: 2 } : each)) };
  const device = new SimulatedDevice({ endpoint, server: `coap://127.0.0.1:${coapPort}`, objects: [...defaultObjects(300, 'U'), ofOther] });
  await device.open();
  // OMA Transport 1.1.1 §5.2.5: the client gives the object to another server when its owner goes.
  const answers: BootstrapClientOptions['answers'] = ({ operation, path }) => {
    if (operation === 'delete' && path === '/0/2') device.setValue('/2/0/3', 1);
    return undefined;
  };
  const client = await BootstrapClient.open({
    endpoint, port: bootstrap.coapPort, answers, instances: ['/0/0', '/0/1', '/0/2', '/1/0', '/1/1', '/2/0'], shortServerIds: { '/0/2': 2, '/1/1': 2 },
  });
  try {
    await device.register();
    await scene.heard(endpoint, eventTypes.registered);
    await scene.rest.observe(endpoint, [{ path: '/2/0/3' }]);
    await scene.heard(endpoint, eventTypes.notification, reports('/2/0/3', 2));
    const account = { role: 'management', uri: `coap://127.0.0.1:${coapPort}`, security: { mode: 'nosec' }, shortServerId: 1, lifetimeS: 120 };
    await scene.rest.put(`/endpoints/${endpoint}/bootstrap/configuration`, { document: { accounts: [account], delete: ['/0/2'] } });
    const finished = client.finished();
    expect((await client.request()).code).toBe('2.04');
    await finished;
    await scene.heard(endpoint, eventTypes.notification, reports('/2/0/3', 1));
    expect(client.commands.filter(({ operation }) => operation === 'delete').map(({ path }) => path)).toEqual(['/0/2', '/1/1']);
  } finally {
    client.close();
    device.kill();
  }
});
