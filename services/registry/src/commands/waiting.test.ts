/** Callers who wait for the end of a command, through real HTTP on two replicas. */
import { type CommandStatus, commandStatus } from '@cluster/contracts';
import { StoreUnavailable } from '@cluster/session';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Bench, DEVICE, send } from '../testing/bench.ts';
import { commandResult } from '../testing/events.ts';
import { CommandWaiters } from './command-waiters.ts';

const READ = { op: 'read', path: '/3/0/9' };
let bench: Bench;
let commands: string;
let otherReplica: string;

beforeEach(async () => {
  bench = new Bench();
  const path = `/api/v1/endpoints/${encodeURIComponent(DEVICE)}/commands`;
  commands = (await bench.replica()) + path;
  otherReplica = (await bench.replica()) + path;
});
afterEach(() => bench.close());

function done(status: CommandStatus): CommandStatus {
  return { ...status, state: 'done', attempts: 1, finishedAt: '2026-03-01T09:00:01.000Z', response: { code: '2.05', rttMs: 9 } };
}

/** The device answers: its worker stores the end and publishes the result. */
function answer(status: CommandStatus): void {
  bench.northbound.put(DEVICE, done(status));
  bench.topics.publish(commandResult(DEVICE, done(status)));
}

/** Resolves with the status of the next command that is stored. */
function stored(): Promise<CommandStatus> {
  const { promise, resolve } = Promise.withResolvers<CommandStatus>();
  bench.northbound.onStored = (_endpoint, status) => resolve(status);
  return promise;
}

describe('a caller who waits', () => {
  test('gets 200 with what the device answered', async () => {
    const queued = stored();
    const response = send(`${commands}?wait=60`, 'POST', READ);
    answer(await queued);
    expect((await response).status).toBe(200);
    expect(commandStatus.parse(await (await response).json())).toMatchObject({ state: 'done', response: { code: '2.05' } });
  });

  test('gets it on whichever replica, by event alone', async () => {
    const statuses: CommandStatus[] = [];
    const both = Promise.withResolvers<void>();
    bench.northbound.onStored = (_endpoint, status) => {
      statuses.push(status);
      if (statuses.length === 2) both.resolve();
    };
    const answers = [send(`${commands}?wait=60`, 'POST', READ), send(`${otherReplica}?wait=60`, 'POST', READ)];
    await both.promise;
    // The store still says queued to those who ask: only the event wakes them.
    for (const status of statuses) bench.topics.publish(commandResult(DEVICE, done(status)));
    for (const response of await Promise.all(answers)) expect(response.status).toBe(200);
  });

  test('misses no result that comes before the command is known to be stored', async () => {
    bench.northbound.onStored = async (_endpoint, status) => {
      bench.topics.publish(commandResult(DEVICE, done(status)));
      await bench.topics.settled();
    };
    const response = await send(`${commands}?wait=60`, 'POST', READ);
    expect(response.status).toBe(200);
  });

  test('gets 200 at once when a repeated command has ended already', async () => {
    const first = await send(commands, 'POST', { ...READ, idempotencyKey: 'k' });
    bench.northbound.put(DEVICE, done((await first.json()) as CommandStatus));
    const repeat = await send(`${otherReplica}?wait=60`, 'POST', { ...READ, idempotencyKey: 'k' });
    expect(repeat.status).toBe(200);
    expect(await repeat.json()).toMatchObject({ state: 'done' });
  });

  test('gets 202 with the present state when the time is over', async () => {
    bench.northbound.onStored = (_endpoint, status) => queueMicrotask(() => bench.northbound.put(DEVICE, { ...status, state: 'in-flight', attempts: 1 }));
    const response = await send(`${commands}?wait=1`, 'POST', READ);
    expect(response.status).toBe(202);
    expect(response.headers.get('location')).toContain('/commands/c1');
    expect(await response.json()).toMatchObject({ state: 'in-flight' });
  });

  test('gets 200 from a last look when the event got lost', async () => {
    const queued = stored();
    const response = send(`${commands}?wait=1`, 'POST', READ);
    const status = await queued;
    // After the look that follows the storing.
    setTimeout(() => bench.northbound.put(DEVICE, done(status)), 300);
    expect((await response).status).toBe(200);
  });

  test('gets 202 although the store went away after the command was stored', async () => {
    const queued = stored();
    const response = send(`${commands}?wait=1`, 'POST', READ);
    await queued;
    bench.northbound.failure = new StoreUnavailable('away');
    expect((await response).status).toBe(202);
  });

  test('is sent home with 202 when the service stops', async () => {
    const queued = stored();
    const response = send(`${otherReplica}?wait=60`, 'POST', READ);
    await queued;
    await bench.closeLast();
    expect((await response).status).toBe(202);
  });

  test('that went away leaves nothing behind', async () => {
    const url = await bench.replica();
    const size = async () => /^lwm2m_command_waiters (\d+)/m.exec(await (await fetch(`${url}/metrics`)).text())?.[1];
    const queued = stored();
    const caller = new AbortController();
    const gone = fetch(`${url}/api/v1/endpoints/${encodeURIComponent(DEVICE)}/commands?wait=60`, {
      method: 'POST', signal: caller.signal, headers: { 'content-type': 'application/json' }, body: JSON.stringify(READ),
    }).catch(() => undefined);
    await queued;
    expect(await size()).toBe('1');
    caller.abort();
    await gone;
    await expect.poll(size).toBe('0');
  });
});

test('as many wait as may; further ones are answered at once', async () => {
  const waiters = new CommandWaiters(1);
  const first = waiters.open('a');
  expect(waiters.open('b')).toBeUndefined();
  first?.close();
  first?.close();
  expect(waiters.size).toBe(0);
  expect(waiters.open('b')).toBeDefined();
});
