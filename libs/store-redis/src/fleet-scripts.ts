/** The Lua scripts of jobs, each atomic on keys of one job, which lie in one slot. */
import { define } from './scripts.ts';

/** KEYS job; ARGV expected version (0: it must not exist), record. Returns 1 if it was changed. */
export const changeJob = define(`
local head = redis.call('GETRANGE', KEYS[1], 0, 3)
local version = 0
if head ~= '' then version = struct.unpack('>I4', head) end
if version ~= tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[1], struct.pack('>I4', version + 1) .. ARGV[2])
return 1`);

/** KEYS the job's lease; ARGV worker, ttlMs. Returns 1 if the worker has it now. */
export const takeJob = define(`
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1`);

/** KEYS the job's lease; ARGV worker. */
export const giveJob = define(`
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0`);

/** Moves a device of which it is known where it stands; its bucket is what precedes the first space of its value. */
const MOVE = `
local function move(devices, counts, endpoint, held, value)
  if held then
    local former = string.match(held, '^[^ ]*')
    redis.call('ZREM', devices .. ':' .. former, endpoint)
    if redis.call('HINCRBY', counts, former, -1) <= 0 then redis.call('HDEL', counts, former) end
  end
  local bucket = string.match(value, '^[^ ]*')
  redis.call('HSET', devices, endpoint, value)
  redis.call('ZADD', devices .. ':' .. bucket, 0, endpoint)
  redis.call('HINCRBY', counts, bucket, 1)
end`;

/**
 * KEYS devices, counts; ARGV endpoint, value it must stand at ('': it must not be there), next value, and so on. The index
 * of a bucket is the devices' key with the bucket behind it. Returns 1 or 0 each.
 */
export const moveDevices = define(`${MOVE}
local moved = {}
for i = 1, #ARGV, 3 do
  local held = redis.call('HGET', KEYS[1], ARGV[i])
  moved[#moved + 1] = (held or '') == ARGV[i + 1] and 1 or 0
  if moved[#moved] == 1 then move(KEYS[1], KEYS[2], ARGV[i], held, ARGV[i + 2]) end
end
return moved`);

/** KEYS job, devices, counts; ARGV expected version, record, moves as in `moveDevices`, each device once. Returns 1 if all of it was done, else nothing was. */
export const advanceJob = define(`${MOVE}
local head = redis.call('GETRANGE', KEYS[1], 0, 3)
if head == '' or struct.unpack('>I4', head) ~= tonumber(ARGV[1]) then return 0 end
local stands = {}
for i = 3, #ARGV, 3 do
  stands[i] = redis.call('HGET', KEYS[2], ARGV[i])
  if (stands[i] or '') ~= ARGV[i + 1] then return 0 end
end
for i = 3, #ARGV, 3 do move(KEYS[2], KEYS[3], ARGV[i], stands[i], ARGV[i + 2]) end
redis.call('SET', KEYS[1], struct.pack('>I4', ARGV[1] + 1) .. ARGV[2])
return 1`);

/** KEYS job, devices, counts; ARGV ms after which they vanish. */
export const retireJob = define(`
for _, bucket in ipairs(redis.call('HKEYS', KEYS[3])) do redis.call('PEXPIRE', KEYS[2] .. ':' .. bucket, ARGV[1]) end
for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, ARGV[1]) end
return 1`);
