/** The process that takes a command, killed between any two of its steps: its caller repeats the command elsewhere. */
import { decodeEntry, encodeSession, Northbound, provision } from '@cluster/session';
import { expect, it } from 'vitest';
import { MemoryStore } from './memory-store.ts';
import { inOwnTime } from './play.ts';
import { Random, sleep } from './random.ts';
import { StoreLink } from './store-link.ts';

const CALM = { away: false, maxLatencyMs: 1, failure: 0, lostRings: 0 };
const LIMITS = { queueEntries: 10, queueBytes: 10_000, observations: 10, tenant: { entries: 10, bytes: 10_000 } };
const COMMAND = { op: 'execute', path: '/3/0/4', idempotencyKey: 'once', supersede: 'newest' } as const;

function registryOn(store: MemoryStore, random: Random, passing: () => void = () => {}) {
  const link = new StoreLink(store, CALM, random, passing);
  const northbound = new Northbound({ sessions: link.store, cluster: link.store, limits: LIMITS, newId: random.id, rng: random });
  return { link, northbound };
}

/** Kills the first registry before its `k`th moment; returns how many it passed, and what was not as promised. */
async function walk(k: number): Promise<{ passed: number; faults: string[] }> {
  const random = new Random(3);
  const store = new MemoryStore();
  await store.claim([{ endpoint: 'device', proposal: 'AAAAAAAA' }]);
  await store.commit([{ number: 'AAAAAAAA', session: { expected: 0, record: encodeSession(provision('device', 0)) } }]);
  let passed = 0;
  const faults = await inOwnTime(async () => {
    const first = registryOn(store, random, () => (passed === k ? first.link.die() : passed++));
    void first.northbound.submit('device', COMMAND);
    await sleep(1_000);
    const again = await registryOn(store, random).northbound.submit('device', COMMAND);
    const entries = (await store.loadEntries('AAAAAAAA')).map(({ record }) => decodeEntry(record).state);
    const due = await store.due(0, Date.now() + 60_000, 10);
    return [
      ...(again.outcome === 'accepted' || again.outcome === 'repeated' ? [] : [`the repeat was ${again.outcome}`]),
      ...(String(entries) === 'queued' ? [] : [`the queue holds ${String(entries)}`]),
      ...(due.length === 1 ? [] : ['nobody will look at the queue']),
    ];
  });
  return { passed, faults };
}

it('a command is queued once, and looked at, wherever its registry died', async () => {
  const { passed: moments, faults } = await walk(Infinity);
  expect(faults).toEqual([]);
  expect(moments).toBeGreaterThan(8);
  for (let k = 0; k < moments; k++) expect({ k, faults: (await walk(k)).faults }).toEqual({ k, faults: [] });
});
