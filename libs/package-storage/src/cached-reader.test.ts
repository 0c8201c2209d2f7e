import type { PackageReader } from '@cluster/firmware';
import { expect, test } from 'vitest';
import { CachedReader } from './index.ts';

const IMAGE = Uint8Array.from({ length: 10_000 }, (_, i) => i * 7);

function reader(): PackageReader & { reads: string[] } {
  const reads: string[] = [];
  return {
    reads,
    size: async (id) => (id === 'gone' ? undefined : IMAGE.length),
    async read(id, offset, length) {
      reads.push(`${id} ${offset}`);
      return id === 'gone' ? undefined : IMAGE.slice(offset, offset + length);
    },
  };
}

test('a stretch is read once, however many ask for its blocks at the same time', async () => {
  const source = reader();
  const cache = new CachedReader(source, { stretchBytes: 2_048, mostBytes: 1_000_000 });
  expect(cache.held('a', 1_024, 1_024)).toBeUndefined();
  const blocks = await Promise.all([cache.block('a', 1_024, 1_024), cache.block('a', 0, 16), cache.block('a', 1_024, 1_024)]);
  expect(blocks).toEqual([IMAGE.slice(1_024, 2_048), IMAGE.slice(0, 16), IMAGE.slice(1_024, 2_048)]);
  expect(cache.held('a', 2_032, 16)).toEqual(IMAGE.slice(2_032, 2_048));
  expect(await cache.block('a', 9_984, 1_024)).toEqual(IMAGE.slice(9_984));
  expect(source.reads).toEqual(['a 0', 'a 8192']);
});

test('memory stays within its bound, and what was used last stays', async () => {
  const source = reader();
  const cache = new CachedReader(source, { stretchBytes: 1_024, mostBytes: 3_072 });
  for (const offset of [0, 1_024, 2_048]) await cache.block('a', offset, 16);
  expect(cache.held('a', 0, 16)).toBeDefined();
  await cache.block('a', 3_072, 16);
  expect(cache.bytes).toBe(3_072);
  expect(cache.held('a', 0, 16)).toBeDefined();
  expect(cache.held('a', 1_024, 16)).toBeUndefined();
});

test('a package that is gone is not there, and its size is forgotten', async () => {
  const cache = new CachedReader(reader(), { stretchBytes: 1_024, mostBytes: 3_072 });
  expect(await cache.size('gone')).toBeUndefined();
  expect(await cache.block('gone', 0, 16)).toBeUndefined();
  expect(await cache.size('a')).toBe(10_000);
  expect(cache.knownSize('a')).toBe(10_000);
});

test('a storage that failed is asked again', async () => {
  const source = reader();
  let failures = 1;
  const cache = new CachedReader({ ...source, read: (...args) => (failures-- > 0 ? Promise.reject(new Error('away')) : source.read(...args)) }, { stretchBytes: 1_024, mostBytes: 3_072 });
  await expect(cache.block('a', 0, 4)).rejects.toThrow('away');
  expect(await cache.block('a', 0, 4)).toEqual(IMAGE.slice(0, 4));
});
