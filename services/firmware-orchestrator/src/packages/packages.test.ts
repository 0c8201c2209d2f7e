/** Packages over REST: uploaded in parts, checked, fetched by link and range; whatever is wrong is told and leaves nothing. */
import { generateKeyPairSync, sign } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { sealLink, StorageFull, StorageUnavailable, type PackageStorage } from '@cluster/firmware';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { Bench, bytesOf, RING, sha256 } from '../testing/bench.ts';

const ed25519 = generateKeyPairSync('ed25519');
const ecdsa = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const IMAGE = bytesOf(200_000);
let room = Infinity;
let away = false;

/** A storage whose room can be bounded, and which can be away. */
function bounded(storage: PackageStorage): PackageStorage {
  async function* within(part: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const bytes of part) {
      if ((room -= bytes.length) < 0) throw new StorageFull('no room');
      yield bytes;
    }
  }
  return new Proxy(storage, {
    get(target, name: keyof PackageStorage) {
      if (name === 'append') return (...[id, offset, most, part]: Parameters<PackageStorage['append']>) => target.append(id, offset, most, within(part));
      if (name === 'read' && away) return () => Promise.reject(new StorageUnavailable('away'));
      return typeof target[name] === 'function' ? target[name].bind(target) : undefined;
    },
  });
}

let bench: Bench;
beforeAll(async () => {
  bench = await Bench.open(bounded);
  await bench.start({ signatureKeys: new Map([['release', ed25519.publicKey], ['build', ecdsa.publicKey]]) });
});
afterAll(() => bench.close());

/** Nothing is left of uploads that failed. */
async function expectNothingLeft(id: string): Promise<void> {
  expect((await bench.call('GET', `/api/v1/firmware/packages/${id}`)).body).toMatchObject({ code: 'PACKAGE_UNKNOWN' });
  expect(await readdir(join(bench.directory, 'packages/uploads'))).not.toContain(id);
  expect(await readdir(join(bench.directory, 'packages/packages'))).not.toContain(id);
}

describe('an upload', () => {
  test('in parts is a package when the last one came', async () => {
    const id = await bench.announce(IMAGE, { name: 'lamp', target: { model: 'L7' } });
    expect(await bench.upload(id, 0, IMAGE.subarray(0, 150_000))).toMatchObject({ status: 200, body: { state: 'uploading', received: 150_000 } });
    expect((await bench.call('GET', `/api/v1/firmware/packages/${id}`)).body).toMatchObject({ received: 150_000 });
    expect(await bench.upload(id, 150_000, IMAGE.subarray(150_000))).toMatchObject({ status: 200, body: { state: 'ready', received: 200_000, target: { model: 'L7' } } });
    expect(await bench.upload(id, 200_000, Buffer.of(1))).toMatchObject({ status: 409, body: { code: 'PACKAGE_COMPLETE' } });
    expect((await bench.call('GET', '/api/v1/firmware/packages')).body).toEqual(expect.arrayContaining([expect.objectContaining({ id, state: 'ready' })]));
  });

  test('whose connection breaks goes on where it stands', async () => {
    const id = await bench.announce(IMAGE);
    const { port } = new URL(bench.url);
    const socket = connect(Number(port), '127.0.0.1');
    socket.write(`PATCH /api/v1/firmware/packages/${id}/content HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\nUpload-Offset: 0\r\nContent-Length: ${IMAGE.length}\r\n\r\n`);
    socket.write(IMAGE.subarray(0, 70_000));
    const received = async () => (await bench.call('GET', `/api/v1/firmware/packages/${id}`)).body['received'];
    await vi.waitFor(async () => expect(await received()).toBe(70_000));
    socket.destroy();
    await vi.waitFor(async () => expect((await bench.upload(id, 1, Buffer.of(1))).body).toMatchObject({ code: 'OFFSET_MISMATCH', detail: '70000' }));
    expect(await bench.upload(id, 70_000, IMAGE.subarray(70_000))).toMatchObject({ status: 200, body: { state: 'ready' } });
  });

  test('that is sent twice at once takes one of both', async () => {
    const id = await bench.announce(IMAGE);
    const answers = await Promise.all([bench.upload(id, 0, IMAGE), bench.upload(id, 0, IMAGE)]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
    expect(answers.find(({ status }) => status === 409)?.body['code']).toMatch(/^(UPLOAD_BUSY|OFFSET_MISMATCH|PACKAGE_COMPLETE)$/);
    expect((await bench.call('GET', `/api/v1/firmware/packages/${id}`)).body).toMatchObject({ state: 'ready' });
  });

  test('of other bytes than announced is refused, and leaves nothing', async () => {
    const id = await bench.announce(IMAGE);
    const wrong = Buffer.from(IMAGE);
    wrong[100_000]! ^= 1;
    expect(await bench.upload(id, 0, wrong)).toMatchObject({ status: 422, body: { code: 'PACKAGE_HASH_MISMATCH', detail: sha256(wrong) } });
    await expectNothingLeft(id);
  });

  test('of more bytes than announced is refused, and leaves nothing', async () => {
    const id = await bench.announce(IMAGE.subarray(0, 1_000));
    expect(await bench.upload(id, 0, IMAGE)).toMatchObject({ status: 413, body: { code: 'UPLOAD_TOO_LARGE' } });
    await expectNothingLeft(id);
  });

  test('for which no room is left is refused, and leaves nothing', async () => {
    const id = await bench.announce(IMAGE);
    room = 100_000;
    expect(await bench.upload(id, 0, IMAGE)).toMatchObject({ status: 507, body: { code: 'STORAGE_FULL', type: 'urn:lwm2m:problem:storage-full' } });
    room = Infinity;
    await expectNothingLeft(id);
  });

  test('is completed though its process died between its last byte and the word of it', async () => {
    const id = await bench.announce(IMAGE);
    await bench.deps.storage.append(id, 0, IMAGE.length, (async function* () { yield IMAGE; })());
    await bench.deps.storage.complete(id);
    expect(await bench.upload(id, 0, Buffer.alloc(0))).toMatchObject({ status: 200, body: { state: 'ready' } });
  });

  test.each([
    ['no offset', { 'content-type': 'application/octet-stream' }, 400, 'REQUEST_MALFORMED'],
    ['JSON', { 'content-type': 'application/json', 'upload-offset': '0' }, 415, 'MEDIA_TYPE_UNSUPPORTED'],
    ['another type', { 'content-type': 'text/plain', 'upload-offset': '0' }, 415, 'MEDIA_TYPE_UNSUPPORTED'],
  ])('with %s is refused', async (_name, headers, status, code) => {
    const id = await bench.announce(IMAGE);
    const response = await fetch(`${bench.url}/api/v1/firmware/packages/${id}/content`, { method: 'PATCH', body: '{}', headers });
    expect(await response.json()).toMatchObject({ status, code });
  });

  test('that nobody goes on with is removed in its time', async () => {
    const other = await Bench.open();
    await other.start({ uploadKeptMs: 0 });
    const id = await other.announce(IMAGE);
    await other.halt();
    await other.start({ uploadKeptMs: 0 });
    await vi.waitFor(async () => expect((await other.call('GET', `/api/v1/firmware/packages/${id}`)).status).toBe(404));
    await other.close();
  });
});

describe('a signature', () => {
  const signed = { release: sign(null, IMAGE, ed25519.privateKey), build: sign('sha256', IMAGE, ecdsa.privateKey) };
  const signature = (keyId: 'release' | 'build', bytes = signed[keyId]) => ({
    algorithm: keyId === 'release' ? ('ed25519' as const) : ('ecdsa-p256-sha256' as const), keyId, signatureBase64: bytes.toString('base64'),
  });

  test.each(['release', 'build'] as const)('by the key %s is checked when the last byte came', async (keyId) => {
    expect(await bench.package(IMAGE, { signature: signature(keyId) })).toMatch(/^[\w-]{22}$/);
    const wrong = Buffer.from(signed[keyId]);
    wrong[40]! ^= 1;
    const id = await bench.announce(IMAGE, { signature: signature(keyId, wrong) });
    expect(await bench.upload(id, 0, IMAGE)).toMatchObject({ status: 422, body: { code: 'SIGNATURE_INVALID' } });
    await expectNothingLeft(id);
  });

  test.each([
    ['a key that is not configured', { ...signature('release'), keyId: 'other' }],
    ['a key of another algorithm', { ...signature('release'), keyId: 'build' }],
  ])('by %s is refused before any byte', async (_name, wrong) => {
    await expect(bench.announce(IMAGE, { signature: wrong })).rejects.toThrow(/SIGNATURE_KEY_UNKNOWN/);
  });

  test('is missed where every package needs one', async () => {
    const other = await Bench.open();
    await other.start({ signatureRequired: true });
    await expect(other.announce(IMAGE)).rejects.toThrow(/SIGNATURE_MISSING/);
    await other.close();
  });
});

describe('a link', () => {
  const link = (id: string, seconds = 60) => sealLink(RING, { package: id, device: 'AAAAAAAA', expiresAtS: Math.ceil(Date.now() / 1_000) + seconds });

  test('gives the whole package, ranges of it, and what is left after a change of nothing', async () => {
    const id = await bench.package(IMAGE);
    const url = `${bench.url}/fw/${link(id)}`;
    const whole = await fetch(url);
    expect(Buffer.from(await whole.arrayBuffer()).equals(IMAGE)).toBe(true);
    const etag = whole.headers.get('etag') ?? '';
    expect(etag).toBe(`"${sha256(IMAGE)}"`);
    const part = await fetch(url, { headers: { range: 'bytes=100000-', 'if-range': etag } });
    expect([part.status, part.headers.get('content-range')]).toEqual([206, 'bytes 100000-199999/200000']);
    expect(Buffer.from(await part.arrayBuffer()).equals(IMAGE.subarray(100_000))).toBe(true);
    expect((await fetch(url, { headers: { range: 'bytes=1-2', 'if-range': '"other"' } })).status).toBe(200);
    const beyond = await fetch(url, { headers: { range: 'bytes=200000-' } });
    expect([beyond.status, beyond.headers.get('content-range')]).toEqual([416, 'bytes */200000']);
  });

  test('tells of the package without its bytes', async () => {
    const url = `${bench.url}/fw/${link(await bench.package(IMAGE))}`;
    const head = await fetch(url, { method: 'HEAD' });
    expect([head.status, head.headers.get('content-length'), head.headers.get('etag'), head.headers.get('accept-ranges')])
      .toEqual([200, '200000', `"${sha256(IMAGE)}"`, 'bytes']);
    expect((await fetch(url, { method: 'POST' })).status).toBe(404);
  });

  test('gives the whole where more than one range is asked for', async () => {
    const url = `${bench.url}/fw/${link(await bench.package(IMAGE))}`;
    const range = `bytes=${Array.from({ length: 1_000 }, (_, i) => `${i}-${i}`).join(',')}`;
    const response = await fetch(url, { headers: { range } });
    expect([response.status, (await response.bytes()).length]).toEqual([200, IMAGE.length]);
  });

  test('is answered 503 with Retry-After while the storage is away', async () => {
    const url = `${bench.url}/fw/${link(await bench.package(bytesOf(300_000)))}`;
    away = true;
    const response = await fetch(url);
    away = false;
    expect([response.status, await response.json()]).toEqual([503, expect.objectContaining({ code: 'STORAGE_UNAVAILABLE' })]);
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(response.headers.get('content-length')).not.toBe('300000');
    expect((await (await fetch(url)).bytes()).length).toBe(300_000);
  });

  test('that was made up, or whose time is over, opens nothing', async () => {
    const id = await bench.package(IMAGE);
    const made = link(id);
    for (const text of [made.slice(0, -1) + (made.endsWith('A') ? 'B' : 'A'), link(id, -60), 'x']) {
      expect((await bench.call('GET', `/fw/${text}`)).body).toMatchObject({ code: 'PACKAGE_UNKNOWN' });
    }
  });

  test('of a package that was removed opens nothing', async () => {
    const id = await bench.package(IMAGE);
    expect((await bench.call('DELETE', `/api/v1/firmware/packages/${id}`)).status).toBe(204);
    expect((await bench.call('GET', `/fw/${link(id)}`)).status).toBe(404);
  });
});
