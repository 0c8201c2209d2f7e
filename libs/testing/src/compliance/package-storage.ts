/** The suite that every adapter of the `PackageStorage` port must pass. */
import { OffsetMismatch, type PackageStorage, UploadTooLarge } from '@cluster/firmware';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Opened } from './session-store.ts';

const TIMEOUT_MS = 60_000;
let last = 0;
const newId = (): string => String(++last).padStart(22, 'x');
const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (i * 31) >> 3);

async function* inParts(whole: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < whole.length; at += size) yield whole.subarray(at, at + size);
}

async function* brokenAfter(part: Uint8Array): AsyncGenerator<Uint8Array> {
  yield part;
  throw new Error('the connection broke');
}

async function gathered(parts: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const part of parts) all.push(part);
  return Buffer.concat(all);
}

/** Runs the suite against the storage that `open` gives. */
export function packageStorageCompliance(name: string, open: () => Promise<Opened<PackageStorage>>): void {
  describe(`${name}: PackageStorage`, { timeout: TIMEOUT_MS }, () => {
    let opened: Opened<PackageStorage>;
    beforeAll(async () => {
      opened = await open();
    }, TIMEOUT_MS);
    afterAll(() => opened?.close(), TIMEOUT_MS);
    const storage = (): PackageStorage => opened.store;

    test('an upload goes on where it stands, and is a package once it is complete', async () => {
      const id = newId();
      const whole = bytes(300_000);
      expect(await storage().received(id)).toBe(0);
      expect(await storage().append(id, 0, whole.length, inParts(whole.subarray(0, 100_000), 7_000))).toBe(100_000);
      expect(await storage().received(id)).toBe(100_000);
      expect(await storage().size(id)).toBeUndefined();
      expect(await storage().append(id, 100_000, whole.length, inParts(whole.subarray(100_000), 64_000))).toBe(300_000);
      expect(await gathered(storage().uploaded(id))).toEqual(Buffer.from(whole));
      await storage().complete(id);
      expect(await storage().size(id)).toBe(300_000);
      expect(await storage().received(id)).toBe(0);
      expect(Buffer.from((await storage().read(id, 1_024, 1_024))!)).toEqual(Buffer.from(whole.subarray(1_024, 2_048)));
      expect(await storage().read(id, 299_990, 100)).toHaveLength(10);
      expect(await storage().read(id, 300_000, 100)).toHaveLength(0);
    });

    test('a part for another place is refused with the place', async () => {
      const id = newId();
      await storage().append(id, 0, 100, inParts(bytes(10), 10));
      const refused = storage().append(id, 5, 100, inParts(bytes(10), 10));
      await expect(refused).rejects.toThrow(OffsetMismatch);
      await expect(refused).rejects.toMatchObject({ offset: 10 });
      expect(await storage().received(id)).toBe(10);
    });

    test('what came before a connection broke stays', async () => {
      const id = newId();
      await expect(storage().append(id, 0, 100, brokenAfter(bytes(40)))).rejects.toThrow('broke');
      expect(await storage().received(id)).toBe(40);
    });

    test('the same part from two sides at once is there once', async () => {
      const id = newId();
      const whole = bytes(200_000);
      const ends = await Promise.allSettled([7_000, 50_000].map((size) => storage().append(id, 0, whole.length, inParts(whole, size))));
      for (const end of ends) {
        if (end.status === 'rejected') expect(end.reason).toBeInstanceOf(OffsetMismatch);
        else expect(end.value).toBe(whole.length);
      }
      expect(ends.some(({ status }) => status === 'fulfilled')).toBe(true);
      expect(await gathered(storage().uploaded(id))).toEqual(Buffer.from(whole));
    });

    test('what is more than the package has is not stored', async () => {
      const id = newId();
      await expect(storage().append(id, 0, 100, inParts(bytes(150), 60))).rejects.toThrow(UploadTooLarge);
      expect(await storage().received(id)).toBe(60);
    });

    test('what is removed is gone, complete or not', async () => {
      const [upload, complete] = [newId(), newId()];
      for (const id of [upload, complete]) await storage().append(id, 0, 100, inParts(bytes(10), 10));
      await storage().complete(complete);
      for (const id of [upload, complete, newId()]) await storage().remove(id);
      expect([await storage().received(upload), await storage().size(complete), await storage().read(complete, 0, 1)]).toEqual([0, undefined, undefined]);
    });

    test('no id leads anywhere else', async () => {
      for (const id of ['../x', '', `${'x'.repeat(21)}/`]) await expect(storage().received(id)).rejects.toThrow();
    });
  });
}
