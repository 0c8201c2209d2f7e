/** When associations end whose credentials do, by a fake clock. */
import type { ClusterStore, WatchRound } from '@cluster/session';
import { REVOCATION_ROUND_MS } from '@cluster/session';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Revocation } from './revocation.ts';

const CLOSE_NOTIFY = 0;
const ACCESS_DENIED = 49;
const nothing = (): WatchRound => ({ over: [], revoked: Promise.resolve([]) });

let revocation: Revocation;
let rounds: (() => WatchRound)[];
let closed: (readonly [associations: readonly number[], alert: number])[];
let ring: Parameters<ClusterStore['onRing']>[1];

beforeEach(async () => {
  vi.useFakeTimers();
  [rounds, closed] = [[], []];
  const watch = { round: () => (rounds.shift() ?? nothing)(), changed: async (number: string) => (number === 'N1' ? [7] : []) };
  const cluster: Pick<ClusterStore, 'onRing'> = { onRing: async (_bell, listener) => { ring = listener; return async () => undefined; } };
  revocation = new Revocation({ watch, cluster, nowMs: () => Date.now(), close: (associations, alert) => void closed.push([associations, alert]) });
  await revocation.start();
});
afterEach(async () => {
  await revocation.stop();
  vi.useRealTimers();
});

it('a certificate that is over ends them with close_notify, a revocation with access_denied, each in its round', async () => {
  rounds = [nothing, () => ({ over: [1, 2], revoked: Promise.resolve([3]) }), nothing];
  await vi.advanceTimersByTimeAsync(3 * REVOCATION_ROUND_MS);
  expect(closed).toEqual([[[1, 2], CLOSE_NOTIFY], [[3], ACCESS_DENIED]]);
});

it('a store that is away keeps those alone whose credentials are not known to be over', async () => {
  rounds = [() => ({ over: [1], revoked: Promise.reject(new Error('away')) })];
  await vi.advanceTimersByTimeAsync(REVOCATION_ROUND_MS);
  expect(closed).toEqual([[[1], CLOSE_NOTIFY]]);
});

it('a device that is told of is looked at at once', async () => {
  for (const number of ['N0', 'N1']) ring(number, false);
  await vi.advanceTimersByTimeAsync(0);
  expect(closed).toEqual([[[7], ACCESS_DENIED]]);
});
