/** Updates of firmware or software: their records, when each is due and how they are listed, in parts whose keys lie in one slot. */
import { partOf } from '@cluster/bytes';
import type { StoredUpdate, UpdateStore } from '@cluster/firmware';
import { script, type Router } from './command.ts';
import { firstOf } from './directory.ts';
import type { Keys, UpdateKind } from './keys.ts';
import { define } from './scripts.ts';

/** Enough for the nodes of a cluster to share the work, few enough to ask all of them each second. */
const PARTS = 16;
const ALL_PARTS = Array.from({ length: PARTS }, (_, part) => part);

/**
 * KEYS update, the part's due set, stages and index; ARGV expected version (0: none), record, endpoint, due time or '', stage or ''.
 * Returns 1 if it was changed.
 */
const changeUpdate = define(`
local head = redis.call('GETRANGE', KEYS[1], 0, 3)
local version = 0
if head ~= '' then version = struct.unpack('>I4', head) end
if version ~= tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[1], struct.pack('>I4', version + 1) .. ARGV[2])
if ARGV[4] == '' then redis.call('ZREM', KEYS[2], ARGV[3]) else redis.call('ZADD', KEYS[2], ARGV[4], ARGV[3]) end
if ARGV[5] == '' then return 1 end
local former = redis.call('HGET', KEYS[3], ARGV[3])
if former == ARGV[5] then return 1 end
if former then redis.call('ZREM', KEYS[4] .. former, ARGV[3]) else redis.call('ZADD', KEYS[4], 0, ARGV[3]) end
redis.call('ZADD', KEYS[4] .. ARGV[5], 0, ARGV[3])
redis.call('HSET', KEYS[3], ARGV[3], ARGV[5])
return 1`);

/** KEYS the part's due set; ARGV now, due again at, how many. Returns those that were due. */
const takeDue = define(`
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[3])
for _, endpoint in ipairs(due) do redis.call('ZADD', KEYS[1], ARGV[2], endpoint) end
return due`);

export function updateKeeper(router: Router, keys: Keys, kind: UpdateKind): UpdateStore {
  const keyOf = (endpoint: string) => keys.update(kind, partOf(endpoint, PARTS), endpoint);
  const load = async (endpoints: readonly string[]): Promise<(StoredUpdate | undefined)[]> => {
    const records = endpoints.length === 0 ? [] : await router.getMany(endpoints.map(keyOf));
    return endpoints.map((endpoint, i) => toUpdate(endpoint, records[i] ?? null));
  };
  return {
    loadUpdates: load,
    async changeUpdate(endpoint, expected, record, dueMs, stage = '') {
      const part = partOf(endpoint, PARTS);
      const places = [keyOf(endpoint), keys.updatesDue(kind, part), keys.updateStages(kind, part), keys.updateIndex(kind, part)] as const;
      const change = script(changeUpdate, places, expected, record, endpoint, dueMs ?? '', stage);
      return (await router.execute([change], 'durable'))[0] === 1;
    },
    async listUpdates({ limit, after, stages = [''] }) {
      const indexes = ALL_PARTS.flatMap((part) => stages.map((stage) => keys.updateIndex(kind, part, stage)));
      return (await load(await firstOf(router, indexes, after, limit))).filter((update) => update !== undefined);
    },
    async takeDueUpdates(nowMs, againMs, limit) {
      const parts = ALL_PARTS.map((part) => script(takeDue, [keys.updatesDue(kind, part)], nowMs, nowMs + againMs, Math.ceil(limit / PARTS)));
      const replies = await router.execute(parts, 'durable');
      return replies.flatMap((reply) => (reply as readonly Buffer[]).map(String));
    },
  };
}

function toUpdate(endpoint: string, value: Buffer | null): StoredUpdate | undefined {
  return value === null ? undefined : { endpoint, version: value.readUInt32BE(0), record: value.toString('utf8', 4) };
}
