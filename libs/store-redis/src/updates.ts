/** Updates of firmware: their records and when each is due, in parts whose keys lie in one slot. */
import type { StoredUpdate, UpdateStore } from '@cluster/firmware';
import { script, type Router } from './command.ts';
import { partOf, type Keys } from './keys.ts';
import { define } from './scripts.ts';

/** Enough for the nodes of a cluster to share the work, few enough to ask all of them each second. */
const PARTS = 16;

/** KEYS update, the part's due set; ARGV expected version (0: none), record, endpoint, due time or ''. Returns 1 if it was changed. */
const changeUpdate = define(`
local head = redis.call('GETRANGE', KEYS[1], 0, 3)
local version = 0
if head ~= '' then version = struct.unpack('>I4', head) end
if version ~= tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[1], struct.pack('>I4', version + 1) .. ARGV[2])
if ARGV[4] == '' then redis.call('ZREM', KEYS[2], ARGV[3]) else redis.call('ZADD', KEYS[2], ARGV[4], ARGV[3]) end
return 1`);

/** KEYS the part's due set; ARGV now, due again at, how many. Returns those that were due. */
const takeDue = define(`
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[3])
for _, endpoint in ipairs(due) do redis.call('ZADD', KEYS[1], ARGV[2], endpoint) end
return due`);

export function updateKeeper(router: Router, keys: Keys): UpdateStore {
  const keyOf = (endpoint: string) => keys.update(partOf(endpoint, PARTS), endpoint);
  return {
    async loadUpdates(endpoints) {
      const records = endpoints.length === 0 ? [] : await router.getMany(endpoints.map(keyOf));
      return endpoints.map((endpoint, i) => toUpdate(endpoint, records[i] ?? null));
    },
    async changeUpdate(endpoint, expected, record, dueMs) {
      const due = keys.updatesDue(partOf(endpoint, PARTS));
      const change = script(changeUpdate, [keyOf(endpoint), due], expected, record, endpoint, dueMs ?? '');
      return (await router.execute([change], 'durable'))[0] === 1;
    },
    async takeDueUpdates(nowMs, againMs, limit) {
      const parts = Array.from({ length: PARTS }, (_, part) => script(takeDue, [keys.updatesDue(part)], nowMs, nowMs + againMs, Math.ceil(limit / PARTS)));
      const replies = await router.execute(parts, 'durable');
      return replies.flatMap((reply) => (reply as readonly Buffer[]).map(String));
    },
  };
}

function toUpdate(endpoint: string, value: Buffer | null): StoredUpdate | undefined {
  return value === null ? undefined : { endpoint, version: value.readUInt32BE(0), record: value.toString('utf8', 4) };
}
