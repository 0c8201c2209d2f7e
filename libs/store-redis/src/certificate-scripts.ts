/** The Lua scripts of issued certificates, each atomic on one part of them. */
import { define } from './scripts.ts';

/** KEYS an endpoint's serials; ARGV end of the certificate, serial. The key outlives the last of them by a day. */
export const addSerial = define(`
redis.call('ZADD', KEYS[1], ARGV[1], ARGV[2])
local last = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')
redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', last[2] + 86400000))
return 1`);

/** KEYS certificates, their ends; ARGV serial, record, place. */
export const putCertificate = define(`
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('ZADD', KEYS[2], 0, ARGV[3])
return 1`);

/** KEYS certificates, revocations; ARGV serial, revocation. Returns 1 if it was revoked now. */
export const revokeCertificate = define(`
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 0 end
return redis.call('HSETNX', KEYS[2], ARGV[1], ARGV[2])`);

/** KEYS certificates, their ends, revocations; ARGV serial, place. */
export const dropCertificate = define(`
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('ZREM', KEYS[2], ARGV[2])
redis.call('HDEL', KEYS[3], ARGV[1])
return 1`);
