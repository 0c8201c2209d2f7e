/** Test cases of the bootstrap interface, 0 to 9 (OMA Transport 1.1.1 §6.4.2). */
import { type BootstrapDocument, type BootstrapSessionView, type CredentialView, eventTypes } from '@cluster/contracts';
import { afterAll, expect, vi } from 'vitest';
import { type BootstrapPlayer, bootstrappingLeshan, bootstrappingSimulator } from '../src/bootstrap-players.ts';
import type { Scene } from '../src/scene.ts';
import { makeServerKeys } from '../src/server-keys.ts';
import { describeCases, testCase } from '../src/test-case.ts';
import type { Trial } from '../src/trial.ts';

const BOOTSTRAP_KEY = '00112233445566778899aabbccddeeff';
const withoutSecurity = ({ server }: Scene): BootstrapDocument['accounts'][number] => ({
  role: 'management', uri: `coap://127.0.0.1:${server.coapPort}`, security: { mode: 'nosec' }, shortServerId: 1, lifetimeS: 120,
});

const pathOf = ({ endpoint }: Trial<BootstrapPlayer>) => `/endpoints/${encodeURIComponent(endpoint)}/bootstrap`;

async function configured(trial: Trial<BootstrapPlayer>, change: Partial<BootstrapDocument> = {}): Promise<void> {
  await trial.scene.rest.put(`${pathOf(trial)}/configuration`, { document: { accounts: [withoutSecurity(trial.scene)], ...change } });
}

async function credentialKinds({ scene, endpoint }: Trial<BootstrapPlayer>): Promise<string[]> {
  const credentials = (await scene.rest.get(`/endpoints/${encodeURIComponent(endpoint)}/credentials`)) as CredentialView[];
  return credentials.map(({ kind }) => kind);
}

/** The newest session of the device, once there are so many. */
async function session(trial: Trial<BootstrapPlayer>, count = 1): Promise<BootstrapSessionView> {
  return vi.waitFor(async () => {
    const sessions = (await trial.scene.rest.get(`${pathOf(trial)}/sessions`)) as BootstrapSessionView[];
    expect(sessions).toHaveLength(count);
    return sessions[0]!;
  }, 10_000);
}

const steps = ({ steps: all }: BootstrapSessionView) => all.map(({ operation, path, code }) => `${operation} ${path} ${code}`);

const keys = await makeServerKeys('int-2-Leshan');
afterAll(() => keys.remove());

describeCases('Bootstrap interface, with certificates', (group) => {
  const { pki } = keys;
  const certified = bootstrappingLeshan(() => ({ security: { mode: 'x509', ...pki.client, trustFile: pki.trustFile } }));
  testCase(group, { id: 'int-2', title: 'Client Initiated Bootstrap Full (Cert)' }, [certified], async (trial) => {
    const uri = `coaps://127.0.0.1:${trial.scene.server.coapsPort}`;
    await configured(trial, { accounts: [{ ...withoutSecurity(trial.scene), uri, security: { mode: 'x509', from: 'make' } }] });
    await trial.player.bootstrap();
    expect(await session(trial)).toMatchObject({ outcome: 'finished', identity: expect.stringMatching(/^x509/) });
    await trial.player.register();
    expect((await trial.heard(eventTypes.registered)).data).toMatchObject({ address: expect.stringMatching(/^dtls:/) });
    expect(await credentialKinds(trial)).toContain('x509');
  });
}, keys.env);

describeCases('Bootstrap interface', (group) => {
  const anyone = [bootstrappingLeshan(), bootstrappingSimulator()];

  testCase<BootstrapPlayer>(group, { id: 'int-0', title: 'Client Initiated Bootstrap' }, anyone, async (trial) => {
    await configured(trial);
    await trial.player.bootstrap();
    const view = await session(trial);
    expect(view).toMatchObject({ outcome: 'finished', configuration: 'own' });
    expect(steps(view)).toEqual(expect.arrayContaining(['request /bs 2.04', 'discover / 2.05', 'write /0/1 2.04', 'write /1/0 2.04', 'finish /bs 2.04']));
    await trial.player.register();
    expect((await trial.heard(eventTypes.registered)).data).toMatchObject({ lifetimeS: 120 });
  });

  const secured = bootstrappingLeshan((identity) => ({ security: { mode: 'psk', identity, keyHex: BOOTSTRAP_KEY } }));
  testCase(group, { id: 'int-1', title: 'Client Initiated Bootstrap Full (PSK)' }, [secured], async (trial) => {
    const { scene, endpoint } = trial;
    await scene.rest.setCredentials(endpoint, { psk: { identity: endpoint, keyHex: BOOTSTRAP_KEY }, role: 'bootstrap' });
    const uri = `coaps://127.0.0.1:${scene.server.coapsPort}`;
    await configured(trial, { accounts: [{ ...withoutSecurity(scene), uri, security: { mode: 'psk', from: 'make' } }] });
    await trial.player.bootstrap();
    await trial.player.register();
    const { data } = await trial.heard(eventTypes.registered);
    expect(data).toMatchObject({ lifetimeS: 120, address: expect.stringMatching(/^dtls:/) });
    expect(JSON.stringify(await session(trial))).not.toContain('keyHex');
  });

  testCase(group, { id: 'int-4', title: 'Bootstrap Delete' }, [bootstrappingSimulator({ instances: ['/0/0', '/0/1', '/0/2', '/1/0', '/1/1', '/3/0'] })], async (trial) => {
    await configured(trial, { delete: ['/0', '/1'], readBack: ['/1'] });
    await trial.player.bootstrap();
    const view = await session(trial);
    expect(steps(view)).toEqual(expect.arrayContaining(['delete /0 2.02', 'delete /1 2.02', 'read /1 2.05']));
    expect([...trial.player.client.instances].sort()).toEqual(['/0/0', '/0/1', '/1/0', '/3/0']);
    expect(view.steps.filter(({ operation }) => operation === 'discover').at(-1)?.instances).toEqual(expect.arrayContaining(['/0/0', '/0/1 ssid=1', '/1/0 ssid=1']));
  });

  // A server that is not there: the client comes to its bootstrap server, whenever it asks.
  const fallback = bootstrappingSimulator({ instances: ['/0/0', '/0/1', '/1/0'] });
  testCase(group, { id: 'int-7', title: 'Fallback to bootstrap' }, [fallback], async (trial) => {
    const nowhere = { ...withoutSecurity(trial.scene), uri: 'coap://127.0.0.1:9' };
    await configured(trial, { accounts: [nowhere] });
    await trial.player.bootstrap();
    expect(trial.player.client.values('/0/1/0')).toMatchObject([{ value: 'coap://127.0.0.1:9' }]);
    await configured(trial);
    await trial.player.bootstrap();
    expect((await session(trial, 2)).outcome).toBe('finished');
    await trial.player.register();
    await trial.heard(eventTypes.registered);
  });

  testCase(group, { id: 'int-5', title: 'Server Initiated Bootstrap' }, [bootstrappingLeshan()], async (trial) => {
    await configured(trial);
    await trial.player.bootstrap();
    await trial.player.register();
    await trial.heard(eventTypes.registered);
    await configured(trial, { accounts: [{ ...withoutSecurity(trial.scene), lifetimeS: 240 }] });
    expect(await trial.scene.rest.post(pathOf(trial), {}, 202)).toMatchObject({ state: 'waiting' });
    await trial.player.register();
    await vi.waitFor(async () => expect((await trial.view()).lifetimeS).toBe(240), 10_000);
    await vi.waitFor(async () => expect(await trial.scene.rest.get(pathOf(trial))).toMatchObject({ state: 'done' }), 10_000);
  });

  testCase(group, { id: 'int-8', title: 'Bootstrap Read' }, [bootstrappingSimulator()], async (trial) => {
    await configured(trial, { readBack: ['/1', '/2'], accessControl: [{ object: 3, instance: 0, owner: 65_535, acl: { 0: 31 } }] });
    await trial.player.bootstrap();
    const reads = (await session(trial)).steps.filter(({ operation }) => operation === 'read');
    expect(reads.map(({ path, code }) => `${path} ${code}`)).toEqual(['/1 2.05', '/2 2.05']);
    expect(reads[1]!.values).toEqual(expect.arrayContaining([{ path: '/2/0/0', value: 3 }, { path: '/2/0/2/0', value: 31 }, { path: '/2/0/3', value: 65_535 }]));
  });

  const inconsistent = bootstrappingSimulator({ answers: ({ operation }) => (operation === 'finish' ? '4.06' : undefined) });
  testCase(group, { id: 'int-9', title: 'Bootstrap and Configuration Consistency' }, [inconsistent], async (trial) => {
    await configured(trial);
    await trial.player.bootstrap();
    const view = await session(trial);
    expect(view).toMatchObject({ outcome: 'failed', reason: 'inconsistent' });
    expect(steps(view).filter((step) => step.startsWith('finish'))).toEqual(['finish /bs 4.06', 'finish /bs 4.06']);
  });
});
