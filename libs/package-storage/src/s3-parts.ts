/** Writes one object from a stream of bytes: at once where it is small, else in parts. */
import { AbortMultipartUploadCommand, CompleteMultipartUploadCommand, CreateMultipartUploadCommand, PutObjectCommand, type S3Client, UploadPartCommand } from '@aws-sdk/client-s3';

/** Bytes held in memory of one object at a time. S3: parts have 5 MiB at least, all but the last, and there are 10,000 at most. */
export const SEGMENT_BYTES = 8 * 1_048_576;
const MOST_PARTS = 10_000;

interface ObjectName {
  readonly Bucket: string;
  readonly Key: string;
}

/** The object is there when all of it is; `size`: of all bytes together. */
export async function putObject(client: S3Client, object: ObjectName, size: number, bytes: AsyncIterable<Uint8Array>): Promise<void> {
  const partBytes = Math.max(SEGMENT_BYTES, Math.ceil(size / MOST_PARTS));
  const parts = inParts(bytes, partBytes);
  if (size > partBytes) return putParts(client, object, parts);
  const { value: Body = new Uint8Array(0) } = await parts.next();
  await client.send(new PutObjectCommand({ ...object, Body }));
}

async function putParts(client: S3Client, object: ObjectName, parts: AsyncIterable<Uint8Array>): Promise<void> {
  const { UploadId } = await client.send(new CreateMultipartUploadCommand(object));
  const upload = { ...object, UploadId };
  try {
    const Parts: { PartNumber: number; ETag: string | undefined }[] = [];
    for await (const Body of parts) {
      const PartNumber = Parts.length + 1;
      const { ETag } = await client.send(new UploadPartCommand({ ...upload, PartNumber, Body }));
      Parts.push({ PartNumber, ETag });
    }
    await client.send(new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts } }));
  } catch (error) {
    // What is not aborted is kept, and paid for, until the bucket's life-cycle rules remove it.
    await client.send(new AbortMultipartUploadCommand(upload)).catch(() => undefined);
    throw error;
  }
}

/** The same bytes in pieces of one size, the last one smaller. */
export async function* inParts(bytes: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<Uint8Array, undefined> {
  let [gathered, held]: [Uint8Array[], number] = [[], 0];
  for await (const chunk of bytes) {
    gathered.push(chunk);
    held += chunk.length;
    if (held < size) continue;
    const whole = Buffer.concat(gathered);
    let at = 0;
    for (; whole.length - at >= size; at += size) yield whole.subarray(at, at + size);
    [gathered, held] = [[whole.subarray(at)], whole.length - at];
  }
  if (held > 0) yield Buffer.concat(gathered);
  return undefined;
}
