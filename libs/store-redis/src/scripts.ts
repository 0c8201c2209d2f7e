/**
 * The Lua scripts. Each is a step that is atomic on keys of one slot; it decides by what is stored alone, so running it
 * again after a lost answer is safe: it then reports the conflict. One call runs as many steps as it is given.
 */
import { createHash } from 'node:crypto';

export interface Script {
  readonly lua: string;
  readonly sha: string;
}

/**
 * Makes a script of a step, the body of a function of KEYS and ARGV. The script's own ARGV has for each step how many of
 * KEYS and how many of ARGV are the step's, then these; its reply has the reply of each step.
 */
export function define(step: string): Script {
  const lua = `local function step(KEYS, ARGV)${step}
end
local replies, k, a = {}, 0, 0
while a < #ARGV do
  local keys, args = {}, {}
  for i = 1, tonumber(ARGV[a + 1]) do keys[i] = KEYS[k + i] end
  for i = 1, tonumber(ARGV[a + 2]) do args[i] = ARGV[a + 2 + i] end
  k, a = k + #keys, a + 2 + #args
  replies[#replies + 1] = step(keys, args)
end
return replies`;
  return { lua, sha: createHash('sha1').update(lua).digest('hex') };
}

/** KEYS endpoint; ARGV proposal, replaces. Returns the number that holds. */
export const claim = define(`
local held = redis.call('GET', KEYS[1])
if held and held ~= ARGV[2] then return held end
redis.call('SET', KEYS[1], ARGV[1])
return ARGV[1]`);

/** KEYS endpoint; ARGV number. */
export const release = define(`
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0`);

/** KEYS address; ARGV number, ttlMs. */
export const bindAddress = define(`
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1`);

/**
 * A session record begins with its version and the number of the queue's entries (uint32 each), so that loading takes
 * one key, and so does changing the record alone: a script on two keys has to wait while their slot moves.
 * KEYS session; ARGV expected (not 0), record, ttlMs or ''. Returns 1 committed, 0 conflict.
 */
export const commitSession = define(`
local head = redis.call('GETRANGE', KEYS[1], 0, 7)
if head == '' then return 0 end
local version, entries = struct.unpack('>I4I4', head)
if version ~= tonumber(ARGV[1]) then return 0 end
local value = struct.pack('>I4I4', version + 1, entries) .. ARGV[2]
if ARGV[3] == '' then redis.call('SET', KEYS[1], value) else redis.call('SET', KEYS[1], value, 'PX', ARGV[3]) end
return 1`);

/** Instead of a session's time to live: its record stays as it is. */
export const KEEP = 'keep';

/**
 * KEYS session, queue; ARGV session expected or '', session record, ttlMs or '' or KEEP, limit of entries or '', limit of bytes,
 * then for each entry: id, expected, next version and record, or '' to remove it. Returns 1 committed, 0 conflict, 2 full.
 */
export const commitDevice = define(`
local head = redis.call('GETRANGE', KEYS[1], 0, 7)
local version, counted = 0, 0
if head ~= '' then version, counted = struct.unpack('>I4I4', head) end
if ARGV[1] ~= '' and version ~= tonumber(ARGV[1]) then return 0 end
local count, bytes = redis.call('HLEN', KEYS[2]), 0
for i = 6, #ARGV, 3 do
  local held = redis.call('HGET', KEYS[2], ARGV[i])
  local stored = 0
  if held then
    stored = struct.unpack('>I4', held)
    count = count - 1
    bytes = bytes - #held + 4
  end
  if stored ~= tonumber(ARGV[i + 1]) then return 0 end
  if ARGV[i + 2] ~= '' then
    count = count + 1
    bytes = bytes + #ARGV[i + 2] - 4
  end
end
if ARGV[4] ~= '' and #ARGV > 5 then
  if count > tonumber(ARGV[4]) then return 2 end
  for _, held in ipairs(redis.call('HVALS', KEYS[2])) do bytes = bytes + #held - 4 end
  if bytes > tonumber(ARGV[5]) then return 2 end
end
for i = 6, #ARGV, 3 do
  if ARGV[i + 2] == '' then redis.call('HDEL', KEYS[2], ARGV[i]) else redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 2]) end
end
if ARGV[1] ~= '' and ARGV[3] ~= '${KEEP}' then
  local value = struct.pack('>I4I4', version + 1, count) .. ARGV[2]
  if ARGV[3] == '' then redis.call('SET', KEYS[1], value) else redis.call('SET', KEYS[1], value, 'PX', ARGV[3]) end
elseif head ~= '' and count ~= counted then
  redis.call('SETRANGE', KEYS[1], 4, struct.pack('>I4', count))
end
return 1`);

/**
 * A record of credentials begins with its version (uint32). KEYS credentials; ARGV expected (0: none), next version and
 * record, or '' to remove it. Returns 1 committed, 0 conflict.
 */
export const commitCredentials = define(`
local head = redis.call('GETRANGE', KEYS[1], 0, 3)
local version = 0
if head ~= '' then version = struct.unpack('>I4', head) end
if version ~= tonumber(ARGV[1]) then return 0 end
if ARGV[2] == '' then redis.call('DEL', KEYS[1]) else redis.call('SET', KEYS[1], ARGV[2]) end
return 1`);

/** The same for a device's association slot. KEYS slot; ARGV expected (0: none), next version and record, ttlMs. Returns 1 committed, 0 conflict. */
export const commitSlot = define(`
local head = redis.call('GETRANGE', KEYS[1], 0, 3)
local version = 0
if head ~= '' then version = struct.unpack('>I4', head) end
if version ~= tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1`);

/** KEYS queue. Returns ids and entries by turns. */
export const readQueue = define(`
return redis.call('HGETALL', KEYS[1])`);

/** KEYS alarms of one shard; ARGV time, number, and so on. */
export const schedule = define(`
for i = 1, #ARGV, 2 do
  local at = redis.call('ZSCORE', KEYS[1], ARGV[i + 1])
  if at and tonumber(at) - 1 < tonumber(ARGV[i]) then
    redis.call('ZADD', KEYS[1], string.format('%.17g', tonumber(at) - 1), ARGV[i + 1])
  else
    redis.call('ZADD', KEYS[1], ARGV[i], ARGV[i + 1])
  end
end
return 1`);

/** KEYS alarms of one shard; ARGV number, the time it stands at, its next time or '', and so on. */
export const settle = define(`
for i = 1, #ARGV, 3 do
  local at = redis.call('ZSCORE', KEYS[1], ARGV[i])
  if at and tonumber(at) == tonumber(ARGV[i + 1]) then
    if ARGV[i + 2] == '' then redis.call('ZREM', KEYS[1], ARGV[i]) else redis.call('ZADD', KEYS[1], ARGV[i + 2], ARGV[i]) end
  end
end
return 1`);

/** KEYS the shard's lease; ARGV worker, ttlMs. Returns 1 if the worker has it now. */
export const takeShard = define(`
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1`);

/** KEYS outages; ARGV end, member, how many to keep. */
export const reportOutage = define(`
redis.call('ZADD', KEYS[1], ARGV[1], ARGV[2])
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -ARGV[3] - 1)
return 1`);

/**
 * KEYS one part of the directory, its index; ARGV endpoint, state, time, and so on. The index of a state is the index's
 * key with the state behind it, and so lies in the same slot.
 */
export const putEntries = define(`
for i = 1, #ARGV, 3 do
  local endpoint, state = ARGV[i], ARGV[i + 1]
  local held = redis.call('HGET', KEYS[1], endpoint)
  local space = held and string.find(held, ' ', 1, true)
  if not held or tonumber(string.sub(held, 1, space - 1)) <= tonumber(ARGV[i + 2]) then
    local former = held and string.sub(held, space + 1)
    if former and former ~= state then redis.call('ZREM', KEYS[2] .. former, endpoint) end
    if not held then redis.call('ZADD', KEYS[2], 0, endpoint) end
    if former ~= state then redis.call('ZADD', KEYS[2] .. state, 0, endpoint) end
    redis.call('HSET', KEYS[1], endpoint, ARGV[i + 2] .. ' ' .. state)
  end
end
return 1`);

/**
 * KEYS labels of one part of the directory; ARGV endpoint, time, JSON of its labels, and so on. The index of a label is
 * the key with `key=value` behind it, and so lies in the same slot. Without labels the time stays: an older event may
 * still come.
 */
export const putLabels = define(`
for i = 1, #ARGV, 3 do
  local endpoint = ARGV[i]
  local held = redis.call('HGET', KEYS[1], endpoint)
  local space = held and string.find(held, ' ', 1, true)
  if not held or tonumber(string.sub(held, 1, space - 1)) <= tonumber(ARGV[i + 1]) then
    if held then
      for key, value in pairs(cjson.decode(string.sub(held, space + 1))) do
        redis.call('ZREM', KEYS[1] .. key .. '=' .. value, endpoint)
      end
    end
    for key, value in pairs(cjson.decode(ARGV[i + 2])) do redis.call('ZADD', KEYS[1] .. key .. '=' .. value, 0, endpoint) end
    redis.call('HSET', KEYS[1], endpoint, ARGV[i + 1] .. ' ' .. ARGV[i + 2])
  end
end
return 1`);

/** KEYS values of one endpoint; ARGV most paths, then path, time (binary64) and JSON, and so on. */
export const putValues = define(`
local paths = redis.call('HLEN', KEYS[1])
for i = 2, #ARGV, 2 do
  local held = redis.call('HGET', KEYS[1], ARGV[i])
  if held then
    if struct.unpack('>d', held) <= struct.unpack('>d', ARGV[i + 1]) then redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
  elseif paths < tonumber(ARGV[1]) then
    redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
    paths = paths + 1
  end
end
return 1`);

/** KEYS alarms of one shard; ARGV time, limit. Alarms later than it: `limit` of them, then the rest of the last one's time. */
export const alarmsAfter = define(`
local page = redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. ARGV[1], '+inf', 'WITHSCORES', 'LIMIT', 0, ARGV[2])
if #page < 2 * tonumber(ARGV[2]) then return page end
local last = page[#page]
local tied = redis.call('ZRANGEBYSCORE', KEYS[1], last, last, 'WITHSCORES')
while #page > 0 and page[#page] == last do
  page[#page] = nil
  page[#page] = nil
end
for _, part in ipairs(tied) do page[#page + 1] = part end
return page`);

/** KEYS a set of documents, whose version is the field without a name; ARGV the known version. Returns nil, or all fields. */
export const documents = define(`
if (redis.call('HGET', KEYS[1], '') or '0') == ARGV[1] then return false end
return redis.call('HGETALL', KEYS[1])`);

/** KEYS a set of documents; ARGV name, document or '' to remove it, most documents, most bytes. Returns 1 stored, 0 unchanged, 2 full. */
export const putDocument = define(`
local held = redis.call('HGET', KEYS[1], ARGV[1])
if (held or '') == ARGV[2] then return 0 end
if ARGV[2] == '' then
  redis.call('HDEL', KEYS[1], ARGV[1])
else
  local bytes = #ARGV[2] - #(held or '') - #(redis.call('HGET', KEYS[1], '') or '')
  for _, document in ipairs(redis.call('HVALS', KEYS[1])) do bytes = bytes + #document end
  local count = redis.call('HLEN', KEYS[1]) - redis.call('HEXISTS', KEYS[1], '')
  if bytes > tonumber(ARGV[4]) or (not held and count >= tonumber(ARGV[3])) then return 2 end
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
end
redis.call('HINCRBY', KEYS[1], '', 1)
return 1`);

/** KEYS what waits for a tenant; ARGV number, entries, bytes, limits of both. The fields # and #b hold the sums. Returns 1 if it was added. */
export const reserve = define(`
local sums = redis.call('HMGET', KEYS[1], '#', '#b')
if (sums[1] or 0) + ARGV[2] > tonumber(ARGV[4]) or (sums[2] or 0) + ARGV[3] > tonumber(ARGV[5]) then return 0 end
local held = redis.call('HGET', KEYS[1], ARGV[1])
local entries, bytes = 0, 0
if held then entries, bytes = struct.unpack('>I4I8', held) end
redis.call('HSET', KEYS[1], ARGV[1], struct.pack('>I4I8', entries + ARGV[2], bytes + ARGV[3]))
redis.call('HINCRBY', KEYS[1], '#', ARGV[2])
redis.call('HINCRBY', KEYS[1], '#b', ARGV[3])
return 1`);

/** KEYS what waits for a tenant; ARGV number, entries, bytes, and so on. */
export const account = define(`
local entries, bytes = 0, 0
for i = 1, #ARGV, 3 do
  local held = redis.call('HGET', KEYS[1], ARGV[i])
  if held then
    local e, b = struct.unpack('>I4I8', held)
    entries = entries - e
    bytes = bytes - b
  end
  if tonumber(ARGV[i + 1]) > 0 then
    entries = entries + ARGV[i + 1]
    bytes = bytes + ARGV[i + 2]
    redis.call('HSET', KEYS[1], ARGV[i], struct.pack('>I4I8', ARGV[i + 1], ARGV[i + 2]))
  elseif held then
    redis.call('HDEL', KEYS[1], ARGV[i])
  end
end
if entries ~= 0 or bytes ~= 0 then
  redis.call('HINCRBY', KEYS[1], '#', entries)
  redis.call('HINCRBY', KEYS[1], '#b', bytes)
end
return 1`);
