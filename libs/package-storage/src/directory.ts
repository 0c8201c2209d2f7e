/**
 * Packages in a directory: `uploads/ID` while they come, `packages/ID` once they are whole. All processes that serve
 * packages see the same directory; a rename is the moment at which a package is there for all of them.
 */
import { constants, createReadStream } from 'node:fs';
import { type FileHandle, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { OffsetMismatch, type PackageStorage, StorageFull, StorageUnavailable, UploadTooLarge } from '@cluster/firmware';
import { checkedId } from './package-id.ts';

const NO_ROOM = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

export class DirectoryStorage implements PackageStorage {
  readonly #uploads: string;
  readonly #packages: string;

  private constructor(directory: string) {
    this.#uploads = join(directory, 'uploads');
    this.#packages = join(directory, 'packages');
  }

  /** Makes what of the directory is not there yet; where it is read-only, a process that writes does. @throws {StorageUnavailable} */
  static async open(directory: string): Promise<DirectoryStorage> {
    const storage = new DirectoryStorage(directory);
    await told(async () => {
      await mkdir(directory, { recursive: true, mode: 0o750 });
      for (const each of [storage.#uploads, storage.#packages]) await mkdir(each, { mode: 0o750 }).catch(unlessThereOrReadOnly);
    });
    return storage;
  }

  read(id: string, offset: number, length: number): Promise<Uint8Array | undefined> {
    return ifThere(async () => {
      const file = await open(this.#package(id), 'r');
      try {
        const { bytesRead, buffer } = await file.read(Buffer.allocUnsafeSlow(length), 0, length, offset);
        return buffer.subarray(0, bytesRead);
      } finally {
        await file.close();
      }
    });
  }

  size(id: string): Promise<number | undefined> {
    return ifThere(async () => (await stat(this.#package(id))).size);
  }

  async received(id: string): Promise<number> {
    return (await ifThere(async () => (await stat(this.#upload(id))).size)) ?? 0;
  }

  async append(id: string, offset: number, most: number, part: AsyncIterable<Uint8Array>): Promise<number> {
    const file = await told(() => open(this.#upload(id), constants.O_WRONLY | constants.O_CREAT, 0o640));
    try {
      const { size } = await told(() => file.stat());
      if (size !== offset) throw new OffsetMismatch(size);
      let at = offset;
      for await (const bytes of part) {
        if (at + bytes.length > most) throw new UploadTooLarge(`more than ${most} bytes`);
        // Not to the end: another process may be writing the same part.
        await told(() => writeAll(file, bytes, at));
        at += bytes.length;
      }
      return at;
    } finally {
      // What came is on the disk before its offset is told.
      await told(() => file.sync()).finally(() => file.close());
    }
  }

  uploaded(id: string): AsyncIterable<Uint8Array> {
    return createReadStream(this.#upload(id), { highWaterMark: 262_144 });
  }

  complete(id: string): Promise<void> {
    return told(() => rename(this.#upload(id), this.#package(id)));
  }

  async remove(id: string): Promise<void> {
    await told(() => Promise.all([rm(this.#upload(id), { force: true }), rm(this.#package(id), { force: true })]));
  }

  #package(id: string): string {
    return join(this.#packages, checkedId(id));
  }

  #upload(id: string): string {
    return join(this.#uploads, checkedId(id));
  }
}

function unlessThereOrReadOnly(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST' && error.code !== 'EROFS') throw error;
}

async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let at = 0; at < bytes.length; ) at += (await file.write(bytes, at, bytes.length - at, position + at)).bytesWritten;
}

async function told<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const { code = '' } = cause as NodeJS.ErrnoException;
    if (NO_ROOM.has(code)) throw new StorageFull('no room is left for packages', { cause });
    throw new StorageUnavailable(`the storage of packages failed (${code})`, { cause });
  }
}

async function ifThere<T>(work: () => Promise<T>): Promise<T | undefined> {
  return told(async () => {
    try {
      return await work();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  });
}
