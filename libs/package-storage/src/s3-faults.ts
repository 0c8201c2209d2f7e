/**
 * What S3 answers when it does not do what was asked, as the errors of the port. Nothing else of the SDK's errors leaves this
 * file: they name access keys and what was signed.
 */
import { StorageFull, StorageUnavailable } from '@cluster/firmware';

/** What of an SDK's error is looked at. */
interface Fault {
  readonly name?: string;
  readonly code?: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
}

const NO_ROOM = new Set(['QuotaExceeded', 'QuotaExceededException', 'XMinioStorageFull', 'InsufficientStorage', 'EntityTooLarge']);
const NO_SUCH_BUCKET = 'NoSuchBucket';

/** Another process has written the object. */
class Overtaken extends StorageUnavailable {}

export function isConflict(error: unknown): boolean {
  return error instanceof Overtaken;
}

/** @throws {StorageFull} {@link StorageUnavailable} */
export async function told<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw asStorageError(error);
  }
}

/** Undefined where there is no such object; `beyond` where it ends before the range. */
export async function ifThere<T>(work: () => Promise<T>, beyond?: T): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    const { name, $metadata: { httpStatusCode } = {} } = error as Fault;
    if (httpStatusCode === 404 && name !== NO_SUCH_BUCKET) return undefined;
    if (httpStatusCode === 416) return beyond;
    throw asStorageError(error);
  }
}

function asStorageError(error: unknown): Error {
  if (error instanceof StorageFull || error instanceof StorageUnavailable || error instanceof RangeError) return error;
  const { name = '', code, $metadata: { httpStatusCode } = {} } = error as Fault;
  if (httpStatusCode === 507 || NO_ROOM.has(name)) return new StorageFull('no room is left for packages');
  // 412, and 409 where the other one is still being written.
  if (httpStatusCode === 412 || name === 'ConditionalRequestConflict') return new Overtaken('the object is there already');
  return new StorageUnavailable(`the storage of packages failed (${[name, code, httpStatusCode].filter((part) => part !== undefined && part !== '').join(' ')})`);
}
