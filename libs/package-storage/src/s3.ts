/**
 * Packages in a bucket of S3-compatible storage: `uploads/ID/OFFSET` while they come, `packages/ID` once they are whole. An
 * object appears when all of it is there. Uploads are kept in segments, because an object can not grow.
 */
import {
  DeleteObjectsCommand, GetObjectCommand, HeadBucketCommand, HeadObjectCommand, paginateListObjectsV2, PutObjectCommand, S3Client, type S3ClientConfig,
} from '@aws-sdk/client-s3';
import { OffsetMismatch, type PackageStorage, UploadTooLarge } from '@cluster/firmware';
import { checkedId } from './package-id.ts';
import { ifThere, isConflict, told } from './s3-faults.ts';
import { putObject, SEGMENT_BYTES } from './s3-parts.ts';

/** Where the bucket is. Credentials are found as the AWS SDK finds them: environment, files, web identity. */
export interface S3Location {
  readonly bucket: string;
  /** Of a server that is not Amazon's; buckets are in its paths then. */
  readonly endpoint?: string | undefined;
  readonly region: string;
}

interface Segment {
  readonly key: string;
  readonly offset: number;
  readonly size: number;
}

/** A device waits for a block about as long before it asks again. */
const READ_PATIENCE_MS = 5_000;
const WRITE_PATIENCE_MS = 60_000;
const CONNECT_PATIENCE_MS = 2_000;
/** Digits of an offset in a key: keys are listed in the order of their texts. */
const OFFSET_DIGITS = 15;
/** S3: DeleteObjects takes so many. */
const DELETED_AT_ONCE = 1_000;

export class S3Storage implements PackageStorage {
  readonly #client: S3Client;
  readonly #bucket: string;

  /** `more` is for tests alone. */
  constructor({ bucket, endpoint, region }: S3Location, more: S3ClientConfig = {}) {
    this.#bucket = bucket;
    this.#client = new S3Client({
      region,
      ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: true }),
      // Servers other than Amazon's need not know more.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      requestHandler: { connectionTimeout: CONNECT_PATIENCE_MS, requestTimeout: WRITE_PATIENCE_MS, throwOnRequestTimeout: true },
      ...more,
    });
  }

  /** Whether the bucket can be reached. @throws {StorageUnavailable} */
  async check(): Promise<void> {
    await told(() => this.#client.send(new HeadBucketCommand({ Bucket: this.#bucket }), soon()));
  }

  async read(id: string, offset: number, length: number): Promise<Uint8Array | undefined> {
    const Range = `bytes=${offset}-${offset + length - 1}`;
    return ifThere(async () => {
      const { Body } = await this.#client.send(new GetObjectCommand({ ...this.#package(id), Range }), soon());
      return (await Body?.transformToByteArray()) ?? new Uint8Array(0);
    }, new Uint8Array(0));
  }

  size(id: string): Promise<number | undefined> {
    return ifThere(async () => (await this.#client.send(new HeadObjectCommand(this.#package(id)), soon())).ContentLength ?? 0);
  }

  async received(id: string): Promise<number> {
    return endOf(await this.#segments(id));
  }

  async append(id: string, offset: number, most: number, part: AsyncIterable<Uint8Array>): Promise<number> {
    const stands = await this.received(id);
    if (stands !== offset) throw new OffsetMismatch(stands);
    let [gathered, held, at]: [Uint8Array[], number, number] = [[], 0, offset];
    const put = async (): Promise<void> => {
      const bytes = Buffer.concat(gathered);
      [gathered, held] = [[], 0];
      if (bytes.length > 0) await this.#putSegment(id, at, bytes);
      at += bytes.length;
    };
    try {
      for await (const bytes of part) {
        if (at + held + bytes.length > most) throw new UploadTooLarge(`more than ${most} bytes`);
        gathered.push(bytes);
        if ((held += bytes.length) >= SEGMENT_BYTES) await put();
      }
    } finally {
      await put();
    }
    return at;
  }

  async *uploaded(id: string): AsyncGenerator<Uint8Array> {
    for (const { key } of await this.#segments(id)) yield* this.#bytesOf(key);
  }

  /** The segments become one object, which appears with its last byte. */
  async complete(id: string): Promise<void> {
    const segments = await this.#segments(id);
    await told(() => putObject(this.#client, this.#package(id), endOf(segments), this.uploaded(id)));
    // The package is there; what is left of its upload now is removed with it.
    await this.#delete(segments.map(({ key }) => key)).catch(() => undefined);
  }

  async remove(id: string): Promise<void> {
    const keys = (await this.#list(id)).map(({ key }) => key);
    await this.#delete([...keys, this.#package(id).Key]);
  }

  /** Where another process was faster, its segment stays. */
  async #putSegment(id: string, offset: number, bytes: Uint8Array): Promise<void> {
    const Key = `${uploadOf(id)}${String(offset).padStart(OFFSET_DIGITS, '0')}`;
    try {
      await told(() => this.#client.send(new PutObjectCommand({ Bucket: this.#bucket, Key, Body: bytes, IfNoneMatch: '*' })));
    } catch (error) {
      if (isConflict(error)) throw new OffsetMismatch(await this.received(id));
      throw error;
    }
  }

  async *#bytesOf(Key: string): AsyncGenerator<Uint8Array> {
    const { Body } = await told(() => this.#client.send(new GetObjectCommand({ Bucket: this.#bucket, Key })));
    yield (await told(async () => Body?.transformToByteArray())) ?? new Uint8Array(0);
  }

  /** Those that follow each other from the start; others are left of what was overtaken. */
  async #segments(id: string): Promise<Segment[]> {
    const all = await this.#list(id);
    let end = 0;
    return all.filter(({ offset, size }) => offset === end && (end += size));
  }

  async #list(id: string): Promise<Segment[]> {
    const Prefix = uploadOf(id);
    const segments: Segment[] = [];
    await told(async () => {
      for await (const { Contents = [] } of paginateListObjectsV2({ client: this.#client }, { Bucket: this.#bucket, Prefix })) {
        for (const { Key = '', Size = 0 } of Contents) segments.push({ key: Key, offset: Number(Key.slice(Prefix.length)), size: Size });
      }
    });
    return segments;
  }

  async #delete(keys: readonly string[]): Promise<void> {
    for (let at = 0; at < keys.length; at += DELETED_AT_ONCE) {
      const Objects = keys.slice(at, at + DELETED_AT_ONCE).map((Key) => ({ Key }));
      await told(() => this.#client.send(new DeleteObjectsCommand({ Bucket: this.#bucket, Delete: { Objects, Quiet: true } })));
    }
  }

  #package(id: string): { Bucket: string; Key: string } {
    return { Bucket: this.#bucket, Key: `packages/${checkedId(id)}` };
  }
}

function uploadOf(id: string): string {
  return `uploads/${checkedId(id)}/`;
}

function endOf(segments: readonly Segment[]): number {
  return segments.reduce((sum, { size }) => sum + size, 0);
}

function soon(): { abortSignal: AbortSignal } {
  return { abortSignal: AbortSignal.timeout(READ_PATIENCE_MS) };
}
