/** Packages as clients of other people fetch them: libcoap by Block2 in the clear and over DTLS, curl by ranges; and a campaign that brings them to devices. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { campaignView } from '@cluster/contracts';
import { ensureLibcoap, freeUdpPort, LibcoapClient, SimulatedDevice, SimulatedFirmware } from '@cluster/testing';
import { afterAll, beforeAll, expect, it, onTestFinished, vi } from 'vitest';
import { imageOf, sha256, upload } from '../src/firmware.ts';
import { linkFor } from '../src/package-links.ts';
import { Scene } from '../src/scene.ts';
import { secretFile } from '../src/server.ts';

const run = promisify(execFile);
const IMAGE = imageOf('fetched', 70_500);
const scene = new Scene();
let directory: string;
let secrets: string;
let id: string;

beforeAll(async () => {
  await ensureLibcoap();
  directory = await mkdtemp(join(tmpdir(), 'fetch-'));
  secrets = await secretFile(directory);
  await scene.open({ env: { LWM2M_SECRET_KEY_FILE: secrets } });
  id = await upload(scene.server.httpPort, IMAGE, '2.0');
});
afterAll(async () => {
  await scene.close();
  await rm(directory, { recursive: true, force: true });
});

async function device(endpoint: string, secure: boolean): Promise<{ client: LibcoapClient; link: string }> {
  const { coapPort, coapsPort } = scene.server;
  const keyHex = Buffer.from(`the key of ${endpoint}`).toString('hex');
  if (secure) await scene.rest.setCredentials(endpoint, { psk: { identity: endpoint, keyHex } });
  const client = secure
    ? new LibcoapClient(coapsPort, await freeUdpPort(), { library: 'openssl', security: { mode: 'psk', identity: endpoint, keyHex } })
    : new LibcoapClient(coapPort, await freeUdpPort());
  const location = await client.register(`ep=${endpoint}&lt=300&lwm2m=1.1&b=U`, '</1/0>,</3/0>,</5/0>');
  return { client, link: await linkFor(secrets, id, location) };
}

it.each([
  { name: 'CoAP in blocks of 256 bytes', secure: false, blockSize: 256 },
  { name: 'CoAP over DTLS in blocks of 1,024 bytes', secure: true, blockSize: 1_024 },
])('libcoap fetches a package by $name', async ({ secure, blockSize }) => {
  const { client, link } = await device(`fetches-${blockSize}`, secure);
  const { code, payload } = await client.request({ method: 'get', path: `fw/${link}`, blockSize });
  expect(code).toBe('2.05');
  expect(payload.equals(IMAGE)).toBe(true);
});

it('a link over DTLS is its device\'s alone', async () => {
  const [one, other] = [await device('fetches-own', true), await device('fetches-other', true)];
  expect((await other.client.request({ method: 'get', path: `fw/${one.link}` })).code).toBe('4.03');
  expect((await one.client.request({ method: 'get', path: `fw/${other.link.slice(1)}` })).code).toBe('4.04');
});

it('curl goes on with a download that broke off', async () => {
  const url = `http://127.0.0.1:${scene.server.httpPort}/fw/${await linkFor(secrets, id, '/rd/AAAAAAAA')}`;
  const file = join(directory, 'image');
  await writeFile(file, IMAGE.subarray(0, 30_000));
  const { stdout } = await run('curl', ['-sS', '-C', '-', '-o', file, '-w', '%{http_code} %{size_download}', url]);
  expect(stdout).toBe(`206 ${IMAGE.length - 30_000}`);
  expect((await readFile(file)).equals(IMAGE)).toBe(true);
});

it('a campaign brings devices that push and pull to a package, a first one before the others', async () => {
  const server = `coap://127.0.0.1:${scene.server.coapPort}`;
  const devices = [0, 1, 2].map((i) => new SimulatedDevice({ endpoint: `campaign-${i}`, server, version: '1.1', lifetimeS: 300 }));
  onTestFinished(() => devices.forEach((each) => each.kill()));
  const updated = devices.map((each) => new SimulatedFirmware(each, '2.0'));
  await Promise.all(devices.map((each) => each.start()));
  const campaigns = `http://127.0.0.1:${scene.server.httpPort}/api/v1/firmware/campaigns`;
  const post = (url: string, body?: object) =>
    fetch(url, { method: 'POST', ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }) });
  const show = async (url: string) => campaignView.parse(await (await fetch(url)).json());
  const selected = devices.map((_, i) => `campaign-${i}`);
  const started = await post(campaigns, { package: id, target: { endpoints: selected }, waves: [{ count: 1, approval: true }, { percent: 100 }] });
  const campaign = `http://127.0.0.1:${scene.server.httpPort}${started.headers.get('location') ?? ''}`;
  await vi.waitFor(async () => expect(await show(campaign)).toMatchObject({ state: 'awaiting-approval', counts: { succeeded: 1, waiting: 2 } }), { timeout: 60_000, interval: 100 });
  expect((await post(`${campaign}/approve`)).status).toBe(200);
  await vi.waitFor(async () => expect(await show(campaign)).toMatchObject({ state: 'done', counts: { succeeded: 3 } }), { timeout: 60_000, interval: 100 });
  expect(updated.map(({ taken }) => taken)).toEqual(selected.map(() => [sha256(IMAGE)]));
  expect(devices.map((each) => each.getValue('/3/0/3'))).toEqual(selected.map(() => '2.0'));
}, 150_000);
