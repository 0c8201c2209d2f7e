/** Random operations on a store and on a naive model in memory must end alike, step by step. */
import type { CommitResult, DeviceWrite, SessionStore } from '@cluster/session';
import fc from 'fast-check';
import { expect, test } from 'vitest';

const RUNS = 25;
const NUMBERS = [0, 1, 2];

interface Device {
  version: number;
  record: string;
  entries: Map<string, { version: number; record: string }>;
  alarm: number | undefined;
}

type Step =
  | { readonly kind: 'commit'; readonly writes: readonly DeviceWrite[] }
  | { readonly kind: 'schedule'; readonly number: string; readonly atMs: number }
  | { readonly kind: 'settle'; readonly number: string; readonly atMs: number; readonly nextMs: number | undefined };

export function sessionModelCompliance(store: () => SessionStore): void {
  let run = 0;
  test('any sequence of commits and alarms ends as in the model', async () => {
    const steps = fc.array(stepArbitrary, { minLength: 1, maxLength: 25 });
    await fc.assert(
      fc.asyncProperty(steps, async (plain) => {
        const names = NUMBERS.map((index) => `${String(run).padStart(6, 'M')}_${index}`);
        run++;
        await follow(store(), plain.map((step) => named(step, names)), names);
      }),
      { numRuns: RUNS },
    );
  });
}

async function follow(store: SessionStore, steps: readonly Step[], numbers: readonly string[]): Promise<void> {
  const model = new Map(numbers.map((number) => [number, emptyDevice()]));
  for (const step of steps) {
    if (step.kind === 'commit') {
      expect(await store.commit(step.writes)).toEqual(step.writes.map((write) => commit(model.get(write.number)!, write)));
    } else if (step.kind === 'schedule') {
      await store.schedule([step]);
      const device = model.get(step.number)!;
      device.alarm = Math.min((device.alarm ?? Infinity) - 1, step.atMs);
    } else {
      await store.settle([step]);
      const device = model.get(step.number)!;
      if (device.alarm === step.atMs) device.alarm = step.nextMs;
    }
  }
  expect(await state(store, numbers)).toEqual(numbers.map((number) => stateOf(model.get(number)!)));
}

function emptyDevice(): Device {
  return { version: 0, record: '', entries: new Map(), alarm: undefined };
}

function commit(device: Device, { session, entries = [], limit }: DeviceWrite): CommitResult {
  if (session && session.expected !== device.version) return 'conflict';
  if (entries.some(({ id, expected }) => (device.entries.get(id)?.version ?? 0) !== expected)) return 'conflict';
  const next = new Map(device.entries);
  for (const { id, expected, record } of entries) {
    if (record === undefined) next.delete(id);
    else next.set(id, { version: expected + 1, record: hex(record) });
  }
  const bytes = [...next.values()].reduce((sum, { record }) => sum + record.length / 2, 0);
  if (limit && entries.length > 0 && (next.size > limit.entries || bytes > limit.bytes)) return 'full';
  device.entries = next;
  if (session?.record !== undefined) Object.assign(device, { version: device.version + 1, record: hex(session.record) });
  return 'committed';
}

async function state(store: SessionStore, numbers: readonly string[]) {
  const sessions = await store.load(numbers);
  const shards = Array.from({ length: store.shards }, (_, shard) => store.due(shard, Number.MAX_SAFE_INTEGER, 100_000));
  const alarms = new Map((await Promise.all(shards)).flat().map(({ number, atMs }) => [number, atMs]));
  const states = numbers.map(async (number, index) => {
    const entries = await store.loadEntries(number);
    const session = sessions[index];
    return {
      session: session && { version: session.version, record: hex(session.record), entries: session.entries },
      entries: entries.map(({ id, version, record }) => [id, version, hex(record)]).sort(),
      alarm: alarms.get(number),
    };
  });
  return Promise.all(states);
}

function stateOf({ version, record, entries, alarm }: Device) {
  return {
    session: version === 0 ? undefined : { version, record, entries: entries.size },
    entries: [...entries].map(([id, entry]) => [id, entry.version, entry.record]).sort(),
    alarm,
  };
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

const expected = fc.nat(3);
const record = fc.uint8Array({ maxLength: 12 });
const entry = fc.record({ id: fc.constantFrom('a', 'b', 'c', 'd'), expected, record: fc.option(record, { nil: undefined }) });
const limit = fc.record({ entries: fc.nat(4), bytes: fc.nat(30) });
const number = fc.constantFrom(...NUMBERS.map(String));
const write = fc.record(
  { number, session: fc.record({ expected, record }, { requiredKeys: ['expected'] }), entries: fc.uniqueArray(entry, { maxLength: 3, selector: ({ id }) => id }), limit },
  { requiredKeys: ['number'] },
);
const atMs = fc.integer({ min: 5_000, max: 5_003 });
const stepArbitrary: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('commit' as const), writes: fc.array(write, { maxLength: 4 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('schedule' as const), number, atMs }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('settle' as const), number, atMs, nextMs: fc.option(atMs, { nil: undefined }) }) },
);

/** Puts the numbers of this run in place of 0, 1, 2. */
function named(step: Step, names: readonly string[]): Step {
  const name = (index: string): string => names[Number(index)]!;
  if (step.kind !== 'commit') return { ...step, number: name(step.number) };
  return { ...step, writes: step.writes.map((one) => ({ ...one, number: name(one.number) })) };
}
