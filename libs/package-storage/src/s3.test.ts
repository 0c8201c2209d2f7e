/** Packages in a bucket of a real server. */
import { StorageUnavailable } from '@cluster/firmware';
import { packageStorageCompliance, startS3, type S3Handle } from '@cluster/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openPackageStorage, sharesPackages } from './index.ts';
import { S3Storage } from './s3.ts';
import { SEGMENT_BYTES } from './s3-parts.ts';

const open = ({ bucket, endpoint, credentials }: S3Handle, more: object = {}): S3Storage =>
  new S3Storage({ bucket, endpoint, region: 'us-east-1' }, { credentials, ...more });

packageStorageCompliance('s3rver', async () => {
  const server = await startS3('s3rver');
  return { store: open(server), close: () => server.remove() };
});

describe('a bucket', { timeout: 60_000 }, () => {
  const id = 's'.repeat(22);
  let server: S3Handle;
  let storage: S3Storage;
  beforeAll(async () => {
    server = await startS3('s3rver');
    storage = open(server);
  });
  afterAll(() => server?.remove());

  test('takes packages of several parts', async () => {
    const whole = Buffer.alloc(2 * SEGMENT_BYTES + 5, 'firmware ');
    const half = SEGMENT_BYTES / 2;
    const upload = async function* (from: number): AsyncGenerator<Uint8Array> {
      for (let at = from; at < whole.length; at += half) yield whole.subarray(at, at + half);
    };
    expect(await storage.append(id, 0, whole.length, upload(0))).toBe(whole.length);
    await storage.complete(id);
    expect([await storage.size(id), await storage.received(id)]).toEqual([whole.length, 0]);
    for (const at of [0, SEGMENT_BYTES - 10, whole.length - 20]) {
      expect(Buffer.from((await storage.read(id, at, 20))!).equals(whole.subarray(at, at + 20))).toBe(true);
    }
  });

  test('that is away, or refuses the key, is unavailable; no key is told', async () => {
    const other = open(server, { credentials: { accessKeyId: 'NOBODY', secretAccessKey: 'SECRET' }, maxAttempts: 1 });
    const refused = await other.check().catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(StorageUnavailable);
    await server.stop();
    const away = await open(server, { maxAttempts: 1 }).read(id, 0, 10).catch((error: unknown) => error);
    expect(away).toBeInstanceOf(StorageUnavailable);
    for (const error of [refused, away] as Error[]) {
      expect([error.cause, JSON.stringify(error), error.message]).toEqual([undefined, '{"code":"STORAGE_UNAVAILABLE"}', expect.stringMatching(/^the storage of packages failed \([\w ]+\)$/)]);
    }
    await server.start();
    expect(await storage.size(id)).toBe(2 * SEGMENT_BYTES + 5);
  });
});

test('a configuration that names a bucket opens it, though it is not there yet', async () => {
  const config = { firmwareS3Bucket: 'none', firmwareS3Endpoint: 'http://127.0.0.1:9', firmwareS3Region: 'us-east-1', dataDir: 'data' };
  expect(sharesPackages(config)).toBe(true);
  const { promise, resolve } = Promise.withResolvers<unknown>();
  expect(await openPackageStorage(config, resolve)).toBeInstanceOf(S3Storage);
  expect(await promise).toBeInstanceOf(StorageUnavailable);
});
