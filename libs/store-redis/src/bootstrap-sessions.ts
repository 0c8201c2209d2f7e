/**
 * Bootstrap sessions: ordered sets whose members begin with the session's id, so that their order is that of time and the
 * oldest are cut off. One set for each endpoint, one of all summaries and one for each outcome, and one of those under way.
 */
import type { BootstrapSessionStore } from '@cluster/session';
import { command, type Reply, type Router } from './command.ts';
import type { Keys } from './keys.ts';

/** Endpoints that never come again leave nothing for ever. */
const KEPT_MS = 30 * 86_400_000;
const SPACE = ' ';
/** Follows the space. */
const BEHIND_SPACE = '!';

export function bootstrapSessionKeeper(router: Router, keys: Keys): BootstrapSessionStore {
  const range = async (key: string, before: string | undefined, limit: number): Promise<[id: string, text: string][]> => {
    const [reply] = await router.execute([command(key, 'zrevrangebylex', before === undefined ? '+' : `(${before}`, '-', 'LIMIT', 0, limit)], 'plain');
    return members(reply!);
  };
  const open = keys.openBootstrapSessions();
  return {
    async openBootstrapSession({ id, record }, atMost) {
      await router.execute([command(open, 'zadd', 0, id + SPACE + record), command(open, 'zremrangebyrank', 0, -atMost - 1)], 'plain');
    },
    async openBootstrapSessions({ before, limit }) {
      return (await range(open, before, limit)).map(([id, record]) => ({ id, record }));
    },
    async putBootstrapSession({ id, endpoint, outcome, record, summary }, { perEndpoint, inAll }) {
      const own = keys.bootstrapSessions(endpoint);
      const lists = [keys.bootstrapSummaries(), keys.bootstrapSummaries(outcome)];
      await router.execute([
        ...(perEndpoint === 0 ? [] : [
          command(own, 'zadd', 0, id + SPACE + record),
          command(own, 'zremrangebyrank', 0, -perEndpoint - 1),
          command(own, 'pexpire', KEPT_MS),
        ]),
        command(open, 'zremrangebylex', `[${id}${SPACE}`, `(${id}${BEHIND_SPACE}`),
        ...lists.flatMap((list) => [command(list, 'zadd', 0, id + SPACE + summary), command(list, 'zremrangebyrank', 0, -inAll - 1)]),
      ], 'durable');
    },
    async bootstrapSessionsOf(endpoint) {
      return (await range(keys.bootstrapSessions(endpoint), undefined, -1)).map(([, record]) => record);
    },
    async bootstrapSession(endpoint, id) {
      const from = `[${id}${SPACE}`;
      const [reply] = await router.execute([command(keys.bootstrapSessions(endpoint), 'zrangebylex', from, '+', 'LIMIT', 0, 1)], 'plain');
      return members(reply!).find(([found]) => found === id)?.[1];
    },
    async bootstrapSessions({ outcome, before, limit }) {
      return (await range(keys.bootstrapSummaries(outcome), before, limit)).map(([id, summary]) => ({ id, summary }));
    },
  };
}

function members(reply: Reply): [id: string, text: string][] {
  return (reply as readonly Buffer[]).map((member) => {
    const text = member.toString();
    const at = text.indexOf(SPACE);
    return [text.slice(0, at), text.slice(at + 1)];
  });
}
