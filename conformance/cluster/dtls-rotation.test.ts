/**
 * What the server proves itself with and trusts is changed in its files while devices are connected: the next handshakes
 * go by the new files, and no association is lost, until the secret that it hangs on is taken away.
 */
import { randomBytes } from 'node:crypto';
import { appendFile, copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  ensureGnutls, ensureOpenssl, makeRevocationList, makeTestPki, startGnutls, startOpenssl, type DtlsClient, type Party, type TestPki,
} from '@cluster/testing';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { Scene } from '../src/scene.ts';
import { secretFile } from '../src/server.ts';

const PING = Buffer.from('40001234', 'hex');
const PSK = { mode: 'psk', identity: 'rotated', keyHex: 'a7'.repeat(16) } as const;
/** A device that is connected all the while; a further handshake of the same device would replace its association. */
const BYSTANDER = { mode: 'psk', identity: 'bystander', keyHex: 'b7'.repeat(16) } as const;
const ENDPOINT = 'rotated-x509';

const scene = new Scene();
let directory: string;
let pki: TestPki;
let files: Record<'certificate' | 'rawKey' | 'trust' | 'lists' | 'secret', string>;
let bystander: DtlsClient;
const open: DtlsClient[] = [];

async function withKey({ certificateFile, keyFile }: Party): Promise<string> {
  return (await readFile(certificateFile, 'utf8')) + (await readFile(keyFile, 'utf8'));
}

beforeAll(async () => {
  await ensureOpenssl();
  await ensureGnutls();
  directory = await mkdtemp(join(tmpdir(), 'rotation-'));
  pki = await makeTestPki(directory, ENDPOINT);
  const path = (name: string): string => join(directory, name);
  files = { certificate: path('server-with-key.pem'), rawKey: path('raw.pem'), trust: path('trust.pem'), lists: await makeRevocationList(directory, []), secret: await secretFile(directory) };
  await writeFile(files.certificate, await withKey(pki.server));
  await copyFile(pki.server.keyFile, files.rawKey);
  await copyFile(pki.trustFile, files.trust);
  await scene.open({
    mode: 'cluster',
    env: {
      LWM2M_DTLS_CERTIFICATE_FILES: files.certificate, LWM2M_DTLS_KEY_FILE: files.rawKey, LWM2M_DTLS_TRUST_FILES: files.trust,
      LWM2M_DTLS_CRL_FILES: files.lists, LWM2M_DTLS_UNKNOWN_SERVER_NAME: 'refuse', LWM2M_SECRET_KEY_FILE: files.secret,
    },
  });
  for (const { identity, keyHex } of [PSK, BYSTANDER]) await scene.rest.setCredentials(identity, { psk: { identity, keyHex } });
  bystander = startOpenssl({ port: scene.server.coapsPort, security: BYSTANDER });
  expect(await bystander.handshake()).toMatchObject({ ok: true });
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((client) => client.close()));
});
afterAll(async () => {
  await bystander?.close();
  await scene.close();
  await rm(directory, { recursive: true });
});

const certificateOf = ({ certificateFile, keyFile }: Party) => ({ mode: 'x509', certificateFile, keyFile, trustFile: pki.trustFile }) as const;

function connect(options: Partial<Parameters<typeof startOpenssl>[0]> = {}): DtlsClient {
  const client = startOpenssl({ port: scene.server.coapsPort, security: PSK, ...options });
  open.push(client);
  return client;
}

async function answers(client: DtlsClient): Promise<void> {
  client.send(PING);
  await client.receive((data) => data.length >= 4);
}

async function connected(options: Partial<Parameters<typeof startOpenssl>[0]> = {}): Promise<DtlsClient> {
  const client = connect(options);
  expect(await client.handshake()).toMatchObject({ ok: true });
  await answers(bystander);
  return client;
}

/** Tries again and again, until the files were read. */
async function ends(options: Partial<Parameters<typeof startOpenssl>[0]>, how: object): Promise<void> {
  await expect.poll(async () => connect(options).handshake(), { timeout: 30_000, interval: 1_000 }).toMatchObject(how);
}

it('its certificate is replaced: the name it had is refused then, the new one served, and devices stay connected (row B33)', async () => {
  const [old, device] = [{ serverName: 'localhost', security: certificateOf(pki.client) }, certificateOf(pki.client)];
  await connected(old);
  await ends({ serverName: 'other.example.com', security: device }, { ok: false, alert: 112 });
  await writeFile(files.certificate, await withKey(pki.otherServer));
  await ends({ serverName: 'other.example.com', security: device }, { ok: true });
  await ends(old, { ok: false, alert: 112 });
  await answers(bystander);
});

it('its raw public key is replaced', async () => {
  await scene.rest.setCredentials('rotated-rpk', { rpk: { spkiBase64: (await readFile(pki.client.publicKeyFile, 'utf8')).replaceAll(/-----[^-]+-----|\s/g, '') } });
  const shown = async (peerKeyFile: string) => {
    const client = startGnutls({ port: scene.server.coapsPort, security: { mode: 'rpk', ...pki.client, peerKeyFile } });
    open.push(client);
    return client.handshake();
  };
  expect(await shown(pki.server.publicKeyFile)).toMatchObject({ ok: true });
  await copyFile(pki.otherServer.keyFile, files.rawKey);
  await expect.poll(() => shown(pki.otherServer.publicKeyFile), { timeout: 30_000, interval: 1_000 }).toMatchObject({ ok: true });
  await answers(bystander);
});

it('whom it trusts is told anew: devices of another authority get in, unknown_ca before', async () => {
  const elsewhere = await mkdtemp(join(directory, 'other-'));
  const other = await makeTestPki(elsewhere, 'rotated-other');
  const security = { ...certificateOf(other.client), trustFile: pki.trustFile };
  await ends({ security, serverName: 'other.example.com' }, { ok: false, alert: 48 });
  await appendFile(files.trust, await readFile(other.trustFile));
  await ends({ security, serverName: 'other.example.com' }, { ok: true });
  await answers(bystander);
});

it('a device’s certificate is put on the revocation list: its association ends, and no handshake goes by it any more', async () => {
  const options = { security: certificateOf(pki.client), serverName: 'other.example.com' };
  const device = await connected(options);
  await makeRevocationList(directory, [pki.client.certificateFile]);
  expect(await device.ended()).toEqual({ alert: 44 });
  expect(await connect(options).handshake()).toMatchObject({ ok: false, alert: 44 });
  await answers(bystander);
});

it('its master secret is replaced: what was made under the former one holds until that is taken away', async () => {
  const keepSession = join(directory, 'session');
  await (await connected({ keepSession })).close();
  const resumed = async () => {
    const again = connect({ resumeSession: keepSession });
    return again.handshake();
  };
  expect(await resumed()).toMatchObject({ ok: true, resumed: true });
  const former = await readFile(files.secret, 'utf8');
  const next = `1 ${randomBytes(32).toString('hex')}\n`;
  await writeFile(files.secret, next + former);
  const resealed = async () => (await fetch(`http://127.0.0.1:${scene.server.httpPort}/metrics`)).text();
  await expect.poll(resealed, { timeout: 30_000, interval: 500 }).toMatch(/^lwm2m_credentials_resealed_total [1-9]/m);
  await answers(bystander);
  expect(await resumed()).toMatchObject({ ok: true, resumed: true });

  await writeFile(files.secret, next);
  await expect.poll(resumed, { timeout: 30_000, interval: 1_000 }).toMatchObject({ ok: true, resumed: false });
  await answers(bystander);
  await answers(await connected());
});
