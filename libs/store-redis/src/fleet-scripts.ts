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

/**
 * KEYS devices, counts; ARGV endpoint, value it must stand at ('': it must not be there), next value, and so on. The
 * bucket is what precedes the first space; its index is the devices' key with the bucket behind it. Returns 1 or 0 each.
 */
export const moveDevices = define(`
local moved = {}
for i = 1, #ARGV, 3 do
  local endpoint, expected, value = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local held = redis.call('HGET', KEYS[1], endpoint)
  if (held or '') == expected then
    if held then
      local former = string.match(held, '^[^ ]*')
      redis.call('ZREM', KEYS[1] .. ':' .. former, endpoint)
      redis.call('HINCRBY', KEYS[2], former, -1)
    end
    local bucket = string.match(value, '^[^ ]*')
    redis.call('HSET', KEYS[1], endpoint, value)
    redis.call('ZADD', KEYS[1] .. ':' .. bucket, 0, endpoint)
    redis.call('HINCRBY', KEYS[2], bucket, 1)
    moved[#moved + 1] = 1
  else
    moved[#moved + 1] = 0
  end
end
return moved`);

/** KEYS job, devices, counts; ARGV ms after which they vanish. */
export const retireJob = define(`
for _, bucket in ipairs(redis.call('HKEYS', KEYS[3])) do redis.call('PEXPIRE', KEYS[2] .. ':' .. bucket, ARGV[1]) end
for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, ARGV[1]) end
return 1`);
