/** The suite that every adapter of the `AssociationStore` port must pass. */
import type { AssociationStore } from '@cluster/session';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Opened } from './session-store.ts';

const TIMEOUT_MS = 60_000;
const LONG_MS = 60_000;

/** Runs the suite against the store that `open` gives, which must be empty. */
export function associationStoreCompliance(name: string, open: () => Promise<Opened<AssociationStore>>): void {
  describe(`${name}: AssociationStore`, { timeout: TIMEOUT_MS }, () => {
    let opened: Opened<AssociationStore>;
    beforeAll(async () => {
      opened = await open();
    }, TIMEOUT_MS);
    afterAll(() => opened?.close(), TIMEOUT_MS);
    const store = (): AssociationStore => opened.store;

    sealedCompliance(store);
    slotCompliance(store);
  });
}

async function sealed(store: AssociationStore, names: readonly string[]): Promise<(number[] | undefined)[]> {
  return (await store.loadSealed(names)).map((record) => record && [...record]);
}

async function slot(store: AssociationStore, number: string): Promise<{ version: number; record: number[] } | undefined> {
  const [stored] = await store.loadSlots([number]);
  return stored && { version: stored.version, record: [...stored.record] };
}

/** Waits until it is so: a time to live can't be told to hurry. */
async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 5));
}

function sealedCompliance(store: () => AssociationStore): void {
  test('sealed records are found by name, of any bytes, and replaced', async () => {
    await store().putSealed([{ name: 'sealedA', record: Uint8Array.of(0, 255, 10), ttlMs: LONG_MS }, { name: 'sealedA.flight', record: Uint8Array.of(7), ttlMs: LONG_MS }]);
    expect(await sealed(store(), ['sealedNone', 'sealedA', 'sealedA.flight'])).toEqual([undefined, [0, 255, 10], [7]]);
    await store().putSealed([{ name: 'sealedA', record: Uint8Array.of(1), ttlMs: LONG_MS }]);
    expect(await sealed(store(), ['sealedA'])).toEqual([[1]]);
    expect(await store().loadSealed([])).toEqual([]);
  });

  test('sealed records are removed, those that are not there too', async () => {
    await store().putSealed([{ name: 'sealedB', record: Uint8Array.of(1), ttlMs: LONG_MS }]);
    await store().removeSealed(['sealedB', 'sealedNone']);
    expect(await sealed(store(), ['sealedB'])).toEqual([undefined]);
    await store().removeSealed([]);
  });

  test('sealed records vanish after their time, unless it is extended', async () => {
    const record = Uint8Array.of(1);
    await store().putSealed([{ name: 'sealedC', record, ttlMs: 150 }, { name: 'sealedD', record, ttlMs: 150 }]);
    await store().extendSealed(['sealedD', 'sealedNone'], LONG_MS);
    await until(async () => (await sealed(store(), ['sealedC']))[0] === undefined);
    expect(await sealed(store(), ['sealedC', 'sealedD', 'sealedNone'])).toEqual([undefined, [1], undefined]);
    await store().extendSealed(['sealedC'], LONG_MS);
    expect(await sealed(store(), ['sealedC'])).toEqual([undefined]);
  });
}

function slotCompliance(store: () => AssociationStore): void {
  const write = (number: string, expected: number, version: number, ...record: number[]) => ({ number, expected, version, record: Uint8Array.from(record), ttlMs: LONG_MS });

  test('a slot is written where it has the version that was expected, and gets the version it is told', async () => {
    expect(await slot(store(), 'SLOTAAA1')).toBeUndefined();
    expect(await store().commitSlots([write('SLOTAAA1', 5, 6, 1)])).toEqual([false]);
    expect(await store().commitSlots([write('SLOTAAA1', 0, 0xffff_fffe, 1)])).toEqual([true]);
    expect(await store().commitSlots([write('SLOTAAA1', 0, 9, 2)])).toEqual([false]);
    expect(await store().commitSlots([write('SLOTAAA1', 0xffff_fffe, 0xffff_ffff, 0, 255)])).toEqual([true]);
    expect(await slot(store(), 'SLOTAAA1')).toEqual({ version: 0xffff_ffff, record: [0, 255] });
  });

  test('one write that fails does not touch the others, and answers come in order', async () => {
    await store().commitSlots([write('SLOTBBB2', 0, 7, 1)]);
    const results = await store().commitSlots([write('SLOTBBB1', 0, 3, 1), write('SLOTBBB2', 6, 8, 2), write('SLOTBBB3', 0, 4, 3)]);
    expect(results).toEqual([true, false, true]);
    const stored = await store().loadSlots(['SLOTBBB3', 'SLOTBBB2', 'SLOTnone', 'SLOTBBB1']);
    expect(stored.map((each) => each?.version)).toEqual([4, 7, undefined, 3]);
    expect(await store().commitSlots([])).toEqual([]);
  });

  test('of many who write at once one does', async () => {
    const writes = Array.from({ length: 30 }, (_, i) => store().commitSlots([write('SLOTCCC1', 0, i + 1, i)]));
    expect((await Promise.all(writes)).flat().filter((done) => done)).toHaveLength(1);
  });

  test('a slot vanishes after its time and counts as none then', async () => {
    await store().commitSlots([{ ...write('SLOTDDD1', 0, 3, 1), ttlMs: 50 }]);
    await until(async () => (await slot(store(), 'SLOTDDD1')) === undefined);
    expect(await store().commitSlots([write('SLOTDDD1', 3, 4, 2)])).toEqual([false]);
    expect(await store().commitSlots([write('SLOTDDD1', 0, 9, 2)])).toEqual([true]);
  });
}
