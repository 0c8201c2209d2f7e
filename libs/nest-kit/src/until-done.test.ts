/** Trying until it works: retries, and an end when the service stops. */
import { expect, test } from 'vitest';
import { untilDone } from './until-done.ts';

test('tries again until the step works', async () => {
  const failures: unknown[] = [];
  let tries = 0;
  const step = async () => {
    if (++tries < 3) throw new Error(`try ${tries}`);
  };
  await untilDone(step, { retryMs: 1, stopping: new AbortController().signal, onFailure: (error) => failures.push(error) });
  expect(failures.map(String)).toEqual(['Error: try 1', 'Error: try 2']);
});

test('ends when the service stops, however long the pause', async () => {
  const stopping = new AbortController();
  const step = async () => {
    throw new Error('away');
  };
  await untilDone(step, { retryMs: 3_600_000, stopping: stopping.signal, onFailure: () => queueMicrotask(() => stopping.abort()) });
  expect(stopping.signal.aborted).toBe(true);
});
