/** Packages on a storage that comes and goes, over paths that lose datagrams, and on a disk that is full. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { StorageFull } from '@cluster/firmware';
import { DirectoryStorage, openPackageStorage } from '@cluster/package-storage';
import { ensureLibcoap, freeUdpPort, LibcoapClient, packageStorageCompliance, startAiocoap, startS3, type S3Handle } from '@cluster/testing';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { imageOf, upload } from '../src/firmware.ts';
import { linkFor } from '../src/package-links.ts';
import { Scene } from '../src/scene.ts';
import { secretFile } from '../src/server.ts';

const run = promisify(execFile);
const IMAGE = imageOf('long', 300_500);

/** The storage as a process opens it, from its environment. */
async function opened({ env, bucket, endpoint }: S3Handle) {
  for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY']) vi.stubEnv(name, env[name]);
  const config = { firmwareS3Bucket: bucket, firmwareS3Endpoint: endpoint, firmwareS3Region: 'us-east-1', dataDir: '' };
  return openPackageStorage(config, (error) => expect(error).toBeUndefined());
}

packageStorageCompliance("Versity's S3 gateway", async () => {
  const server = await startS3('versitygw');
  return { store: await opened(server), close: () => server.remove() };
});

it('two processes that upload the same part at once leave one of both in the bucket', async () => {
  const server = await startS3('versitygw');
  const id = 'r'.repeat(22);
  const [one, other] = [await opened(server), await opened(server)];
  const part = async function* () { yield new Uint8Array(1_000); };
  const ends = await Promise.allSettled([one.append(id, 0, 2_000, part()), other.append(id, 0, 2_000, part())]);
  expect(ends.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  expect(ends.find((end) => end.status === 'rejected')?.reason).toMatchObject({ code: 'OFFSET_MISMATCH', offset: 1_000 });
  expect(await one.received(id)).toBe(1_000);
  await server.remove();
});

describe('a server with its packages in a bucket', () => {
  const scene = new Scene();
  let s3: S3Handle;
  let directory: string;
  let secrets: string;
  let id: string;
  let client: LibcoapClient;
  let link: string;

  beforeAll(async () => {
    await ensureLibcoap();
    s3 = await startS3('versitygw');
    directory = await mkdtemp(join(tmpdir(), 'fetch-'));
    secrets = await secretFile(directory);
    await scene.open({ env: { ...s3.env, LWM2M_SECRET_KEY_FILE: secrets, LWM2M_FIRMWARE_CACHE_BYTES: '65536' } });
    id = await upload(scene.server.httpPort, IMAGE, '2.0');
    client = new LibcoapClient(scene.server.coapPort, await freeUdpPort());
    link = await linkFor(secrets, id, await client.register('ep=long&lt=600&lwm2m=1.1&b=U', '</1/0>,</3/0>,</5/0>'));
  });
  afterAll(async () => {
    await scene.close();
    await s3.remove();
    await rm(directory, { recursive: true, force: true });
  });

  const fetched = async (more: { loses?: string } = {}) => client.request({ method: 'get', path: `fw/${link}`, blockSize: 1_024, ...more });
  const http = () => fetch(`http://127.0.0.1:${scene.server.httpPort}/fw/${link}`);

  it('gives them to libcoap, some of whose datagrams get lost', { timeout: 150_000 }, async () => {
    const { code, payload } = await fetched({ loses: '5,9,40-41,100,290' });
    expect([code, payload.equals(IMAGE)]).toEqual(['2.05', true]);
  });

  it('gives them to aiocoap', async () => {
    const aiocoap = await startAiocoap({ endpoint: 'aiocoap-fetch', port: scene.server.coapPort });
    const own = await linkFor(secrets, id, await aiocoap.register());
    const { code, payload } = await aiocoap.request({ method: 'GET', path: ['fw', own] });
    expect([code, payload.equals(IMAGE)]).toEqual(['2.05', true]);
    await aiocoap.stop();
  });

  it('puts devices off while the bucket is away, and goes on when it is back', async () => {
    await s3.stop();
    // What is in memory is one stretch; the one before the end is not in it.
    const response = await http();
    expect([response.status, Number(response.headers.get('retry-after')) > 0]).toEqual([503, true]);
    expect((await fetched()).code).toBe('5.03');
    await s3.start();
    expect((await (await http()).bytes()).length).toBe(IMAGE.length);
    expect((await fetched()).payload.equals(IMAGE)).toBe(true);
  });

  it('gives nothing of a package that was removed', async () => {
    const removed = await fetch(`http://127.0.0.1:${scene.server.httpPort}/api/v1/firmware/packages/${id}`, { method: 'DELETE' });
    expect([removed.status, (await http()).status]).toEqual([204, 404]);
  });
});

/** Needs root on Linux, as other cases of this run. */
it('a disk that is full is told, and what came before is kept', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'full-'));
  const small = join(directory, 'small');
  await mkdir(small);
  await run('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', small]);
  try {
    const storage = await DirectoryStorage.open(small);
    const id = 'f'.repeat(22);
    const parts = async function* () { for (let at = 0; at < IMAGE.length; at += 50_000) yield IMAGE.subarray(at, at + 50_000); };
    await expect(storage.append(id, 0, IMAGE.length, parts())).rejects.toThrow(StorageFull);
    expect(await storage.received(id)).toBeGreaterThan(200_000);
    await storage.remove(id);
    expect(await storage.append(id, 0, 1_000, (async function* () { yield IMAGE.subarray(0, 1_000); })())).toBe(1_000);
  } finally {
    await run('umount', [small]);
    await rm(directory, { recursive: true });
  }
});
