/** The bootstrap service as a process of its own, beside edge and registry on Redis and Kafka. */
import { type BootstrapSessionView, eventTypes } from '@cluster/contracts';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { bootstrappingSimulator } from '../src/bootstrap-players.ts';
import { Rest } from '../src/rest.ts';
import { Scene } from '../src/scene.ts';

const ENDPOINT = 'bootstrapped-in-a-cluster';
const scene = new Scene();
beforeAll(() => scene.open({ mode: 'cluster', bootstrap: true }));
afterAll(() => scene.close());

test('a device gets its account from one process, and registers at the other', async () => {
  const { coapPort, bootstrap } = scene.server;
  const rest = new Rest(bootstrap.httpPort);
  const account = { role: 'management', uri: `coap://127.0.0.1:${coapPort}`, security: { mode: 'nosec' }, shortServerId: 1, lifetimeS: 120 };
  await rest.put(`/endpoints/${ENDPOINT}/bootstrap/configuration`, { document: { accounts: [account] } });
  const player = await bootstrappingSimulator().open(scene, ENDPOINT);
  try {
    await player.bootstrap();
    await player.register();
    expect((await scene.heard(ENDPOINT, eventTypes.registered)).data).toMatchObject({ lifetimeS: 120 });
    const session = await vi.waitFor(async () => {
      const [found] = (await rest.get(`/endpoints/${ENDPOINT}/bootstrap/sessions`)) as BootstrapSessionView[];
      expect(found).toMatchObject({ outcome: 'finished' });
      return found!;
    }, 10_000);
    expect(await rest.get(`/endpoints/${ENDPOINT}/bootstrap/sessions/${session.id}`)).toEqual(session);
  } finally {
    await player.stop();
  }
});
