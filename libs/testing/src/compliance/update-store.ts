/** The suite that every adapter of the `UpdateStore` port must pass. */
import type { UpdateStore, UpdateStores } from '@cluster/firmware';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Opened } from './session-store.ts';

const TIMEOUT_MS = 60_000;

/** Runs the suite against the store that `open` gives, which must be empty. */
export function updateStoreCompliance(name: string, open: () => Promise<Opened<UpdateStores>>): void {
  describe(`${name}: UpdateStore`, { timeout: TIMEOUT_MS }, () => {
    let opened: Opened<UpdateStores>;
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

    test('updates are listed by the stage that they are in, page by page in the order of their names', async () => {
      const names = ['list-a', 'list-z', 'list-ä', 'list-ö', 'list-b'];
      for (const name of names) await store().changeUpdate(name, 0, name, undefined, 'one');
      await store().changeUpdate('list-z', 1, 'list-z', undefined, 'two');
      await store().changeUpdate('list-b', 1, 'list-b', undefined, 'three');
      await store().changeUpdate('list-b', 2, 'list-b again', undefined);
      const list = async (stages?: string[], limit = 9, after?: string) => (await store().listUpdates({ limit, after, stages })).map(({ endpoint }) => endpoint);
      expect(await list()).toEqual(['list-a', 'list-b', 'list-z', 'list-ä', 'list-ö']);
      expect(await list(['one'])).toEqual(['list-a', 'list-ä', 'list-ö']);
      expect(await list(['two', 'one'], 2)).toEqual(['list-a', 'list-z']);
      expect(await list(['two', 'one'], 2, 'list-z')).toEqual(['list-ä', 'list-ö']);
      expect(await list(['none'])).toEqual([]);
      expect(await store().listUpdates({ limit: 1, stages: ['three'] })).toEqual([{ endpoint: 'list-b', version: 3, record: 'list-b again' }]);
    });

    test('those of firmware and of software know nothing of each other', async () => {
      const { software } = opened.store;
      await store().changeUpdate('both', 0, 'firmware', 20_000, 'lone');
      expect(await software.loadUpdates(['both'])).toEqual([undefined]);
      expect(await software.changeUpdate('both', 0, 'software', 20_000, 'lone')).toBe(true);
      expect((await store().loadUpdates(['both']))[0]?.record).toBe('firmware');
      expect((await software.listUpdates({ limit: 9, stages: ['lone'] })).map(({ record }) => record)).toEqual(['software']);
      expect(await software.takeDueUpdates(20_000, 1_000_000, 1_600)).toEqual(['both']);
      expect(await store().takeDueUpdates(20_000, 1_000_000, 1_600)).toContain('both');
    });
  });
}
