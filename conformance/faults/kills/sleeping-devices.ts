/** A command waits for each sleeping device, its edge dies, and somebody replays its records: nobody is woken by that. */
import { fleetCredentials } from '@cluster/testing';
import { expect, vi } from 'vitest';
import { namesOf, type KillWorld } from './kill-world.ts';

const READ = { op: 'read', path: '/3/0/0' } as const;
const PATIENCE = { timeout: 60_000, interval: 200 };

/** Fails unless commands wait until their devices speak for themselves. Returns how many records were replayed. */
export async function letThemSleep(world: KillWorld): Promise<number> {
  const { registry: { rest }, sleepers, settings } = world;
  const endpoints = fleetCredentials(namesOf('sleeper', settings.sleepers)).map(({ endpoint }) => endpoint);
  const states = async () => Promise.all(submitted.map(async ({ endpoint, id }) => (await rest.commandStatus(endpoint, id)).state));
  sleepers.notify();
  await vi.waitFor(async () => expect((await sleepers.report()).totals.acknowledged).toBeGreaterThanOrEqual(endpoints.length), PATIENCE);
  await vi.waitFor(async () => expect(new Set(await presenceOf(world, endpoints))).toEqual(new Set(['asleep'])), PATIENCE);
  const submitted = await Promise.all(endpoints.map(async (endpoint) => ({ endpoint, id: (await rest.submit(endpoint, READ)).id })));
  const before = (await sleepers.report()).totals;
  await sleepers.capture();
  const { records } = await killAndReplay(world);
  expect(new Set(await states())).toEqual(new Set(['queued']));
  const after = await sleepers.report();
  expect({ requests: after.totals.requests, answered: after.injectedAnswered }).toEqual({ requests: before.requests, answered: 0 });
  sleepers.update();
  await vi.waitFor(async () => expect(new Set(await states())).toEqual(new Set(['done'])), PATIENCE);
  return records;
}

/** All edges but one are killed, so that most devices have a new owner in the one that is left. */
async function killAndReplay(world: KillWorld): Promise<{ records: number }> {
  const [left, ...others] = world.edges as [KillWorld['edges'][number], ...KillWorld['edges']];
  await Promise.all(others.map((edge) => edge.kill()));
  await world.reach([left]);
  const takenOver = await left.metric('lwm2m_dtls_takeovers_total');
  const replayed = await world.sleepers.replay();
  // Those of devices that it did not have: seen by their takeovers, which come with the replayed records alone.
  await vi.waitFor(async () => expect(await left.metric('lwm2m_dtls_takeovers_total')).toBeGreaterThan(takenOver), PATIENCE);
  await Promise.all(others.map((edge) => edge.restart()));
  await world.reach(world.edges);
  return replayed;
}

async function presenceOf({ registry: { rest } }: KillWorld, endpoints: readonly string[]): Promise<unknown[]> {
  return Promise.all(endpoints.map(async (endpoint) => (await rest.endpoint(endpoint))?.presence.state));
}
