/** The suite that every adapter of the `BootstrapSessionStore` port must pass. */
import type { BootstrapSessionStore, KeptBootstrapSession } from '@cluster/session';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Opened } from './session-store.ts';

const TIMEOUT_MS = 60_000;
const BOUNDS = { perEndpoint: 3, inAll: 5 };

function session(id: string, endpoint: string, outcome = 'finished'): KeptBootstrapSession {
  return { id, endpoint, outcome, record: `{"record":"${id} ü"}`, summary: `{"summary":"${id} ü"}` };
}

/** Runs the suite against the store that `open` gives, which must be empty. */
export function bootstrapSessionStoreCompliance(name: string, open: () => Promise<Opened<BootstrapSessionStore>>): void {
  describe(`${name}: BootstrapSessionStore`, { timeout: TIMEOUT_MS }, () => {
    let opened: Opened<BootstrapSessionStore>;
    beforeAll(async () => {
      opened = await open();
    }, TIMEOUT_MS);
    afterAll(() => opened?.close(), TIMEOUT_MS);
    const put = (...args: Parameters<typeof session>) => opened.store.putBootstrapSession(session(...args), BOUNDS);
    const listed = async (filter: { outcome?: string; before?: string; limit?: number } = {}) =>
      (await opened.store.bootstrapSessions({ limit: 100, ...filter })).map(({ id }) => id);

    test('an endpoint that nobody knows has no sessions', async () => {
      expect(await opened.store.bootstrapSessionsOf('nobody')).toEqual([]);
      expect(await opened.store.bootstrapSession('nobody', 's1')).toBeUndefined();
    });

    test('an endpoint keeps its newest sessions, and each is found by its id', async () => {
      for (const id of ['a2', 'a1', 'a3', 'a4']) await put(id, 'first');
      await put('a4', 'first');
      expect((await opened.store.bootstrapSessionsOf('first')).map((record) => JSON.parse(record))).toEqual([{ record: 'a4 ü' }, { record: 'a3 ü' }, { record: 'a2 ü' }]);
      expect(await opened.store.bootstrapSession('first', 'a3')).toBe('{"record":"a3 ü"}');
      expect(await opened.store.bootstrapSession('first', 'a1')).toBeUndefined();
      expect(await opened.store.bootstrapSession('first', 'a')).toBeUndefined();
      expect(await opened.store.bootstrapSession('second', 'a3')).toBeUndefined();
    });

    test('summaries are listed by outcome and by pages, the newest first', async () => {
      await put('b1', 'second', 'failed');
      await put('b2', 'second', 'failed');
      expect((await listed()).slice(0, 3)).toEqual(['b2', 'b1', 'a4']);
      expect(await listed({ outcome: 'failed' })).toEqual(['b2', 'b1']);
      expect(await listed({ outcome: 'failed', limit: 1 })).toEqual(['b2']);
      expect(await listed({ outcome: 'failed', before: 'b2' })).toEqual(['b1']);
      expect(await opened.store.bootstrapSessions({ outcome: 'failed', limit: 1 })).toEqual([{ id: 'b2', summary: '{"summary":"b2 ü"}' }]);
    });

    test('a session of nobody known is only listed', async () => {
      await opened.store.putBootstrapSession(session('c1', 'invented', 'refused'), { ...BOUNDS, perEndpoint: 0 });
      expect(await opened.store.bootstrapSessionsOf('invented')).toEqual([]);
      expect(await listed({ outcome: 'refused' })).toEqual(['c1']);
    });

    test('a session is under way until it is over', async () => {
      const { store } = opened;
      const under = async (page: { before?: string; limit?: number } = {}) => (await store.openBootstrapSessions({ limit: 10, ...page })).map(({ id, record }) => `${id}=${record}`);
      for (const id of ['e1', 'e10', 'e2', 'e3']) await store.openBootstrapSession({ id, record: `{"of":"${id} ü"}` }, 3);
      expect(await under()).toEqual(['e3={"of":"e3 ü"}', 'e2={"of":"e2 ü"}', 'e10={"of":"e10 ü"}']);
      expect([await under({ before: 'e2' }), await under({ limit: 1 })]).toEqual([['e10={"of":"e10 ü"}'], ['e3={"of":"e3 ü"}']]);
      await store.openBootstrapSession({ id: 'e1', record: '{}' }, 4);
      await put('e1', 'third');
      await put('e2', 'third');
      await put('e2', 'third');
      expect(await under()).toEqual(['e3={"of":"e3 ü"}', 'e10={"of":"e10 ü"}']);
      expect((await listed()).slice(0, 2)).toEqual(['e2', 'e1']);
    });

    test('of those that are only listed no more stay than the bound', async () => {
      const ids = Array.from({ length: 9 }, (_, i) => `d${i}`);
      for (const id of ids) await opened.store.putBootstrapSession(session(id, id, 'flood'), { ...BOUNDS, perEndpoint: 0 });
      expect(await listed({ outcome: 'flood' })).toEqual(['d8', 'd7', 'd6', 'd5', 'd4']);
    });
  });
}
