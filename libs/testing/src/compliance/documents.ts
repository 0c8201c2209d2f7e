/** Compliance of document sets: read as a whole, changed one at a time, bounded. */
import type { DocumentStore } from '@cluster/session';
import { expect, test } from 'vitest';

const LIMIT = { documents: 3, bytes: 1_000 };

export function documentCompliance(store: () => DocumentStore): void {
  const put = (set: string, name: string, document: string | undefined) => store().putDocument(set, name, document, LIMIT);

  test('a set that nobody wrote is empty, in version 0', async () => {
    expect(await store().documents('nobody')).toEqual({ version: 0, documents: new Map() });
    expect(await store().documents('nobody', 0)).toBeUndefined();
  });

  test('a change gives the set its next version, and a reader who knows it nothing', async () => {
    expect(await put('one', 'a', '{"text":"ü \\u0000 \\n"}')).toBe('stored');
    expect(await put('one', 'b', 'second')).toBe('stored');
    expect(await store().documents('one')).toEqual({ version: 2, documents: new Map([['a', '{"text":"ü \\u0000 \\n"}'], ['b', 'second']]) });
    expect(await store().documents('one', 2)).toBeUndefined();
    expect(await put('one', 'a', undefined)).toBe('stored');
    expect(await store().documents('one', 2)).toEqual({ version: 3, documents: new Map([['b', 'second']]) });
    // Whoever knows a version that was never reached, as after a restored backup, reads anew.
    expect(await store().documents('one', 99)).toEqual({ version: 3, documents: new Map([['b', 'second']]) });
  });

  test('what changes nothing leaves the version as it is', async () => {
    await put('same', 'a', 'x');
    expect(await put('same', 'a', 'x')).toBe('unchanged');
    expect(await put('same', 'never', undefined)).toBe('unchanged');
    expect((await store().documents('same'))?.version).toBe(1);
  });

  test('a set takes so many documents and bytes and no more; one may still be replaced or removed', async () => {
    for (const name of ['a', 'b', 'c']) expect(await put('full', name, name)).toBe('stored');
    expect(await put('full', 'd', 'd')).toBe('full');
    expect(await put('full', 'a', 'y'.repeat(998))).toBe('stored');
    expect(await put('full', 'b', 'zz')).toBe('full');
    expect(await put('full', 'a', 'ü'.repeat(499))).toBe('stored');
    expect(await put('full', 'a', 'ü'.repeat(500))).toBe('full');
    expect(await put('full', 'c', undefined)).toBe('stored');
    expect(await put('full', 'd', 'd')).toBe('stored');
    expect((await store().documents('full'))?.version).toBe(7);
  });

  test('of changes at once each counts', async () => {
    const names = Array.from({ length: 20 }, (_, i) => `n${i}`);
    await Promise.all(names.map((name) => store().putDocument('many', name, name, { documents: 20, bytes: 1_000 })));
    const { version, documents } = (await store().documents('many'))!;
    expect([version, [...documents.keys()].sort()]).toEqual([20, names.sort()]);
  });
}
