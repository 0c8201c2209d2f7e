/** Test cases of the bootstrap interface, 0 to 10 without 3, which takes two servers, and what they leave out (OMA Transport 1.1.1 §6.4.2). */
import { createHash, randomBytes, X509Certificate } from 'node:crypto';
import { Code } from '@cluster/coap';
import { type BootstrapDocument, type BootstrapSessionView, type CredentialView, eventTypes, type RegistrationValue } from '@cluster/contracts';
import { accessControlObject, BootstrapClient, type BootstrapClientOptions, defaultObjects, SimulatedDevice } from '@cluster/testing';
import { afterAll, expect, it, vi } from 'vitest';
import { type BootstrapPlayer, bootstrappingLeshan, bootstrappingSimulator, type FallbackPlayer, fallingBackLeshan } from '../src/bootstrap-players.ts';
import type { CastOne } from '../src/players.ts';
import { reports, type Scene } from '../src/scene.ts';
import { pinned, securePlayer } from '../src/secure-player.ts';
import { makeServerKeys, spkiBase64 } from '../src/server-keys.ts';
import { describeCases, testCase } from '../src/test-case.ts';
import type { Trial } from '../src/trial.ts';

/** A device's own key for a purpose: two devices never have the same. */
const keyOf = (identity: string) => createHash('sha256').update(identity).digest('hex').slice(0, 32);
const withoutSecurity = ({ server }: Scene): BootstrapDocument['accounts'][number] => ({
  role: 'management', uri: `coap://127.0.0.1:${server.coapPort}`, security: { mode: 'nosec' }, shortServerId: 1, lifetimeS: 120,
});

const pathOf = ({ endpoint }: Trial) => `/endpoints/${encodeURIComponent(endpoint)}/bootstrap`;

async function configured(trial: Trial, change: Partial<BootstrapDocument> = {}): Promise<void> {
  await trial.scene.rest.put(`${pathOf(trial)}/configuration`, { document: { accounts: [withoutSecurity(trial.scene)], ...change } });
}

async function credentialKinds({ scene, endpoint }: Trial): Promise<string[]> {
  const credentials = (await scene.rest.get(`/endpoints/${encodeURIComponent(endpoint)}/credentials`)) as CredentialView[];
  return credentials.map(({ kind }) => kind);
}

/** The newest session of the device, once there are so many. */
async function session(trial: Trial, count = 1): Promise<BootstrapSessionView> {
  return vi.waitFor(async () => {
    const sessions = (await trial.scene.rest.get(`${pathOf(trial)}/sessions`)) as BootstrapSessionView[];
    expect(sessions).toHaveLength(count);
    return sessions[0]!;
  }, 10_000);
}

const steps = ({ steps: all }: BootstrapSessionView) => all.map(({ operation, path, code }) => `${operation} ${path} ${code}`);

const keys = await makeServerKeys('int-2-Leshan');
afterAll(() => keys.remove());

describeCases('Bootstrap interface', (group) => {
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

  const enrolling = securePlayer('no third-party client enrols by EST when it is bootstrapped');
  testCase(group, { id: 'int-10', title: 'Client Initiated Bootstrap Full (EST)' }, [enrolling], async (trial) => {
    const { scene: { server, rest }, endpoint, player } = trial;
    await rest.setCredentials(endpoint, { psk: { identity: endpoint, keyHex: keyOf(endpoint) }, role: 'bootstrap' });
    const uri = `coaps://127.0.0.1:${server.coapsPort}`;
    await configured(trial, { accounts: [{ ...withoutSecurity(trial.scene), uri, security: { mode: 'est' } }] });
    const bootstrapped = await player.connect({ port: server.bootstrap.coapsPort, psk: { identity: Buffer.from(endpoint), key: Buffer.from(keyOf(endpoint), 'hex') } });
    expect(await bootstrapped.bootstrap()).toBe(Code.CHANGED);
    expect([bootstrapped.value('/0/1/2'), bootstrapped.value('/0/1/3'), bootstrapped.value('/0/1/5')]).toEqual([4, new Uint8Array(), new Uint8Array()]);

    const { privateKey, request } = await player.keyPair();
    const authority = await bootstrapped.request({ method: Code.GET, path: '.well-known/est/crts', accept: 287 });
    expect(authority.code).toBe(Code.CONTENT);
    const enrolled = await bootstrapped.request({ path: '.well-known/est/sen', payload: request, contentFormat: 286, accept: 287 });
    expect(enrolled.code).toBe(Code.CHANGED);
    expect(new X509Certificate(enrolled.payload).verify(new X509Certificate(authority.payload).publicKey)).toBe(true);

    const certificate = { type: 'x509', chain: [enrolled.payload], privateKey } as const;
    const registering = await player.connect({ port: server.coapsPort, certificate, judgeServer: pinned(bootstrapped.value('/0/1/4') as Uint8Array) });
    expect(await registering.register()).toBe(Code.CREATED);
    expect((await trial.heard(eventTypes.registered)).data).toMatchObject({ address: expect.stringMatching(/^dtls:/) });
    expect(await session(trial)).toMatchObject({ outcome: 'finished' });
    expect(await credentialKinds(trial)).toContain('x509');
  });

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

  const secured = bootstrappingLeshan((identity) => ({ security: { mode: 'psk', identity, keyHex: keyOf(identity) } }));
  testCase(group, { id: 'int-1', title: 'Client Initiated Bootstrap Full (PSK)' }, [secured], async (trial) => {
    const { scene, endpoint } = trial;
    await scene.rest.setCredentials(endpoint, { psk: { identity: endpoint, keyHex: keyOf(endpoint) }, role: 'bootstrap' });
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

  const factory = (endpoint: string) => `factory-${endpoint}`;
  const psk = (identity: string) => ({ security: { mode: 'psk', identity, keyHex: keyOf(identity) } } as const);
  const fallingBack: CastOne<FallbackPlayer>[] = [
    fallingBackLeshan((endpoint) => ({ server: psk(factory(endpoint)), bootstrap: psk(endpoint) })), bootstrappingSimulator(),
  ];

  /** The server knows what the client came with from the factory, and the bootstrap server has what is to follow it. */
  async function known(trial: Trial, { client }: CastOne): Promise<void> {
    const { scene, endpoint } = trial;
    if (client === 'simulator') return configured(trial);
    await scene.rest.setCredentials(endpoint, { psk: { identity: factory(endpoint), keyHex: keyOf(factory(endpoint)) } });
    await scene.rest.setCredentials(endpoint, { psk: { identity: endpoint, keyHex: keyOf(endpoint) }, role: 'bootstrap' });
    await configured(trial, { accounts: [{ ...withoutSecurity(scene), uri: `coaps://127.0.0.1:${scene.server.coapsPort}`, security: { mode: 'psk', from: 'make' } }] });
  }

  /** From here on the server refuses the client with what it has: a key is asked for that it was never given. */
  async function refused({ scene, endpoint }: Trial): Promise<void> {
    await scene.rest.setCredentials(endpoint, { psk: { identity: `lost-${endpoint}`, keyHex: randomBytes(16).toString('hex') } });
    const credentials = `/endpoints/${encodeURIComponent(endpoint)}/credentials`;
    const former = ((await scene.rest.get(credentials)) as CredentialView[]).filter(({ state }) => state === 'former');
    for (const { version } of former) await scene.rest.delete(`${credentials}/${version}`);
  }

  const [thirdParty] = fallingBack;
  testCase(group, { id: 'int-4', title: 'Bootstrap Delete' }, [thirdParty!], async (trial) => {
    await known(trial, thirdParty!);
    await refused(trial);
    const uri = `coaps://127.0.0.1:${trial.scene.server.coapsPort}`;
    await configured(trial, { accounts: [{ ...withoutSecurity(trial.scene), uri, security: { mode: 'psk', from: 'make' } }], delete: ['/0', '/1'], readBack: ['/1'] });
    await trial.player.comeUp();
    const view = await session(trial);
    expect(steps(view)).toEqual(expect.arrayContaining(['delete /0 2.02', 'delete /1 2.02', 'read /1 2.05', 'finish /bs 2.04']));
    const [before, after] = view.steps.filter(({ operation }) => operation === 'discover').map(({ instances = [] }) => instances.map((each) => each.split(' uri=')[0]));
    expect(before).toEqual(expect.arrayContaining(['/0/0', '/0/1 ssid=123', '/1/0 ssid=123']));
    expect(after).toEqual(expect.arrayContaining(['/0/0', '/0/1 ssid=1', '/1/0 ssid=1']));
    expect(after?.filter((each) => each?.includes('123'))).toEqual([]);
  });

  for (const cast of fallingBack) {
    // What a client has is tried before the bootstrap server: a server account from the factory first.
    testCase(group, { id: 'int-6', title: 'Bootstrap Sequence' }, [cast], async (trial) => {
      await known(trial, cast);
      await trial.player.comeUp();
      await trial.heard(eventTypes.registered, ({ data }) => (data as RegistrationValue).lifetimeS === 300);
      expect(await trial.scene.rest.get(`${pathOf(trial)}/sessions`)).toEqual([]);
      await trial.player.deregister();
      await refused(trial);
      await trial.player.comeUp();
      await trial.heard(eventTypes.registered, ({ data }) => (data as RegistrationValue).lifetimeS === 120);
      expect(await session(trial)).toMatchObject({ outcome: 'finished' });
    });

    // One that is registered and loses its server comes back with what its bootstrap server gives it.
    testCase(group, { id: 'int-7', title: 'Fallback to bootstrap' }, [cast], async (trial) => {
      await known(trial, cast);
      await trial.player.comeUp();
      await trial.heard(eventTypes.registered);
      await refused(trial);
      await trial.scene.rest.dropRegistration(trial.endpoint);
      await trial.player.comeUp();
      await trial.heard(eventTypes.registered, ({ data }) => (data as RegistrationValue).lifetimeS === 120);
      const { identity = 'none', steps: all } = await session(trial);
      expect(identity).toMatch(cast.client === 'Leshan' ? /^psk/ : /^none$/);
      expect(all.at(-1)).toMatchObject({ operation: 'finish', code: '2.04' });
      expect(await trial.read('/1/0/1')).toEqual({ '/1/0/1': 120 });
    });
  }

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

  // Of its first session it takes nothing, of its second one what is written again.
  let finishes = 0;
  const inconsistent = bootstrappingSimulator({ answers: ({ operation }) => (operation === 'finish' && ++finishes <= 3 ? '4.06' : undefined) });
  testCase(group, { id: 'int-9', title: 'Bootstrap and Configuration Consistency' }, [inconsistent], async (trial) => {
    await configured(trial);
    await trial.player.bootstrap();
    const view = await session(trial);
    expect(view).toMatchObject({ outcome: 'failed', reason: 'inconsistent' });
    const inTheEnd = (all: string[]) => all.slice(all.indexOf('finish /bs 4.06'));
    expect(inTheEnd(steps(view))).toEqual(['finish /bs 4.06', 'write /0/1 2.04', 'write /1/0 2.04', 'finish /bs 4.06']);
    await trial.player.bootstrap();
    const repaired = await session(trial, 2);
    expect(repaired).toMatchObject({ outcome: 'finished' });
    expect(inTheEnd(steps(repaired))).toEqual(['finish /bs 4.06', 'write /0/1 2.04', 'write /1/0 2.04', 'finish /bs 2.04']);
  });

  // What the cases of the enabler leave out.
  it('a device that proves itself by a raw public key is bootstrapped, and registers with a key that was made for it (row B13)', async () => {
    const { scene } = group;
    const endpoint = 'raw-key';
    const { client, server } = keys.pki;
    await scene.rest.setCredentials(endpoint, { rpk: { spkiBase64: await spkiBase64(client.publicKeyFile) }, role: 'bootstrap' });
    const uri = `coaps://127.0.0.1:${scene.server.coapsPort}`;
    const account = { role: 'management', uri, security: { mode: 'rpk', from: 'make' }, shortServerId: 1, lifetimeS: 120 };
    await scene.rest.put(`/endpoints/${endpoint}/bootstrap/configuration`, { document: { accounts: [account] } });
    const security = { mode: 'rpk', keyFile: client.keyFile, publicKeyFile: client.publicKeyFile, peerKeyFile: server.publicKeyFile } as const;
    const player = await bootstrappingLeshan(() => ({ security })).open(scene, endpoint);
    try {
      await player.bootstrap();
      await player.register();
      expect((await scene.heard(endpoint, eventTypes.registered)).data).toMatchObject({ address: expect.stringMatching(/^dtls:/), lifetimeS: 120 });
      await vi.waitFor(async () => {
        const sessions = (await scene.rest.get(`/endpoints/${endpoint}/bootstrap/sessions`)) as BootstrapSessionView[];
        expect(sessions).toMatchObject([{ outcome: 'finished', identity: expect.stringMatching(/^rpk/) }]);
      }, 10_000);
    } finally {
      await player.stop();
    }
  });

  it('who registers sees the owner of an object change when another server is unbootstrapped (row B18)', async () => {
    const { scene } = group;
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
}, keys.env);
