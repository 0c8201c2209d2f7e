/** The suite that every adapter of the `UpdateStore` port must pass. */
import type { UpdateStore } from '@cluster/firmware';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Opened } from './session-store.ts';

const TIMEOUT_MS = 60_000;

/** Runs the suite against the store that `open` gives, which must be empty. */
export function updateStoreCompliance(name: string, open: () => Promise<Opened<UpdateStore>>): void {
  describe(`${name}: UpdateStore`, { timeout: TIMEOUT_MS }, () => {
    let opened: Opened<UpdateStore>;
    beforeAll(async () => {
      opened = await open();
    }, TIMEOUT_MS);
    afterAll(() => opened?.close(), TIMEOUT_MS);
    const store = (): UpdateStore => opened.store;

    test('an update is changed by whoever knows its version, and by nobody else', async () => {
      expect(await store().changeUpdate('größe', 1, 'early', undefined)).toBe(false);
      expect(await store().changeUpdate('größe', 0, '{"a":"ü"}', undefined)).toBe(true);
      expect(await store().changeUpdate('größe', 0, 'again', undefined)).toBe(false);
      expect(await store().changeUpdate('größe', 1, 'second', undefined)).toBe(true);
      expect(await store().loadUpdates(['nobody', 'größe'])).toEqual([undefined, { endpoint: 'größe', version: 2, record: 'second' }]);
      expect(await store().loadUpdates([])).toEqual([]);
    });

    test('of changes at once one counts', async () => {
      const changed = await Promise.all(Array.from({ length: 8 }, (_, i) => store().changeUpdate('raced', 0, String(i), undefined)));
      expect(changed.filter(Boolean)).toHaveLength(1);
    });

    test('what is due is taken by one caller, and is due again later', async () => {
      const names = Array.from({ length: 40 }, (_, i) => `due-${i}`);
      await Promise.all(names.map((name, i) => store().changeUpdate(name, 0, 'x', 1_000 + i)));
      expect(await store().takeDueUpdates(999, 500, 100)).toEqual([]);
      const taken = await Promise.all(Array.from({ length: 4 }, () => store().takeDueUpdates(2_000, 500, 1_600)));
      expect(taken.flat().sort()).toEqual([...names].sort());
      expect(await store().takeDueUpdates(2_499, 500, 1_600)).toEqual([]);
      expect((await store().takeDueUpdates(2_500, 500, 1_600)).sort()).toEqual([...names].sort());
    });

    test('a change sets when it is due, or that it is not', async () => {
      await store().changeUpdate('moved', 0, 'x', 10_000);
      await store().changeUpdate('moved', 1, 'y', 10_900);
      expect(await store().takeDueUpdates(10_500, 100, 1_600)).not.toContain('moved');
      expect(await store().takeDueUpdates(10_900, 100, 1_600)).toContain('moved');
      await store().changeUpdate('moved', 2, 'z', undefined);
      expect(await store().takeDueUpdates(1e12, 100, 1_600)).not.toContain('moved');
    });
  });
}
