import type { CommandRequest } from '@cluster/contracts';
import { expect, test } from 'vitest';
import { RenewalTrigger } from './renewal-trigger.ts';

const DAY_MS = 86_400_000;
const NOW_MS = 20_000 * DAY_MS;
const CERTIFICATE = { serial: '0a01', endpoint: 'urn:dev:1', sha256: 'aa', notBeforeMs: 0, notAfterMs: NOW_MS + 5 * DAY_MS };

interface Case {
  readonly enabled?: boolean;
  readonly authorityDays?: number;
  readonly state?: string | undefined;
  readonly links?: readonly string[];
  readonly modes?: readonly number[] | string;
  readonly outcome?: string;
}

async function ask({ enabled = true, authorityDays = 1_000, state = 'registered', links = ['/1/0', '/3/0'], modes = [4], outcome = 'accepted' }: Case) {
  const commands: CommandRequest[] = [];
  const trigger = new RenewalTrigger({
    enabled, validityMs: 365 * DAY_MS, authorityEndsMs: () => NOW_MS + authorityDays * DAY_MS,
    northbound: {
      endpoint: async () => (state === 'unknown' ? undefined : { state, objectLinks: links.map((path) => ({ path })) }) as never,
      async submit(_endpoint, command) {
        commands.push(command);
        return { outcome, status: { id: 'c1' } } as never;
      },
    },
    configurations: {
      preview: async () => (typeof modes === 'string' ? modes : { writes: modes.map((mode, i) => ({ path: `/0/${i + 1}`, resources: [{ id: 1, value: false }, { id: 2, value: mode }] })) }) as never,
    },
  });
  return { ...(await trigger.ask(CERTIFICATE, 'key', NOW_MS)), commands };
}

test('a registered device whose configuration gives a certificate gets an Execute that waits as long as its certificate holds', async () => {
  const execute = { op: 'execute', path: '/1/0/9', supersede: 'bootstrap', idempotencyKey: 'key', ttlS: 5 * 86_400 };
  expect(await ask({})).toEqual({ renewal: 'asked', commandId: 'c1', commands: [execute] });
  expect(await ask({ modes: [0, 2], outcome: 'repeated' })).toEqual({ renewal: 'asked', commands: [execute] });
});

test.each<[string, Case]>([
  ['off', { enabled: false }],
  ['authority-ends', { authorityDays: 5 }],
  ['unknown-endpoint', { state: 'unknown' }],
  ['not-registered', { state: 'expired' }],
  ['no-server-instance', { links: ['/3/0'] }],
  ['no-server-instance', { links: ['/1/0', '/1/1'] }],
  ['no-account', { modes: [0] }],
  ['no-account', { modes: 'none is assigned' }],
])('who is not asked: %s', async (renewal, of) => {
  expect(await ask(of)).toEqual({ renewal, commands: [] });
});

test('a full queue is told', async () => {
  expect(await ask({ outcome: 'queue-full' })).toMatchObject({ renewal: 'queue-full' });
});
