/** When associations end whose credentials do, by a fake clock. */
import type { ClusterStore, WatchRound } from '@cluster/session';
import { REVOCATION_ROUND_MS } from '@cluster/session';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Revocation } from './revocation.ts';

const nothing = (): WatchRound => ({ over: [], revoked: Promise.resolve([]) });

let revocation: Revocation;
let rounds: (() => WatchRound)[];
let ended: (readonly [associations: readonly number[], why: string])[];
let ring: Parameters<ClusterStore['onRing']>[1];

beforeEach(async () => {
  vi.useFakeTimers();
  [rounds, ended] = [[], []];
  const watch = { round: () => (rounds.shift() ?? nothing)(), changed: async (number: string) => (number === 'N1' ? [7] : []) };
  const cluster: Pick<ClusterStore, 'onRing'> = { onRing: async (_bell, listener) => { ring = listener; return async () => undefined; } };
  revocation = new Revocation({ watch, cluster, nowMs: () => Date.now(), end: (associations, why) => void ended.push([associations, why]) });
  await revocation.start();
});
afterEach(async () => {
  await revocation.stop();
  vi.useRealTimers();
});

it('those whose certificate is over and those whose credential was revoked, each in its round', async () => {
  rounds = [nothing, () => ({ over: [1, 2], revoked: Promise.resolve([3]) }), nothing];
  await vi.advanceTimersByTimeAsync(3 * REVOCATION_ROUND_MS);
  expect(ended).toEqual([[[1, 2], 'certificate-over'], [[3], 'credential-revoked']]);
});

it('a store that is away keeps those alone whose credentials are not known to be over', async () => {
  rounds = [() => ({ over: [1], revoked: Promise.reject(new Error('away')) })];
  await vi.advanceTimersByTimeAsync(REVOCATION_ROUND_MS);
  expect(ended).toEqual([[[1], 'certificate-over']]);
});

it('a device that is told of is looked at at once', async () => {
  for (const number of ['N0', 'N1']) ring(number, false);
  await vi.advanceTimersByTimeAsync(0);
  expect(ended).toEqual([[[7], 'credential-revoked']]);
});
