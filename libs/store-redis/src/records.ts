/** Session records and downlink queues: two keys of one slot for each device, changed by one script each time. */
import type { Buffer } from 'node:buffer';
import type { Alarm, CommitResult, DeviceWrite, EntryWrite, SessionStore, StoredEntry, StoredSession } from '@cluster/session';
import { script, type Argument, type RedisCommand, type Router } from './command.ts';
import { mapEach } from './faults.ts';
import { compareBytes } from './fields.ts';
import type { Keys } from './keys.ts';
import * as scripts from './scripts.ts';

const SESSION_HEAD = 8;
const ENTRY_HEAD = 4;
const RESULTS: readonly CommitResult[] = ['conflict', 'committed', 'full'];

export function recordKeeper(
  router: Router,
  keys: Keys,
  toAlarms: (alarms: readonly Alarm[]) => RedisCommand[],
  alarmKey: (number: string) => string,
): Pick<SessionStore, 'load' | 'loadEntries' | 'loadQueues' | 'commit'> {
  return {
    async load(numbers) {
      return mapEach(router.getMany(numbers.map(keys.session)), toSession);
    },
    async loadEntries(number) {
      const [reply] = await router.execute([script(scripts.readQueue, [keys.queue(number)])], 'plain');
      return toEntries(reply as readonly Buffer[]);
    },
    async loadQueues(numbers) {
      const reads = numbers.map((number) => script(scripts.readQueue, [keys.queue(number)]));
      return mapEach(router.execute(reads, 'plain'), (reply) => toEntries(reply as readonly Buffer[]));
    },
    async commit(writes) {
      const commands = writes.map((write) => toCommand(write, keys));
      const alarms = alarmsOf(writes);
      const alarmOf = (index: number) => (writes[index]!.alarmMs === undefined ? undefined : alarmKey(writes[index]!.number));
      return mapEach(router.inOrder(toAlarms(alarms), commands, alarmOf), (reply) => RESULTS[reply as number]!);
    },
  };
}

/** In the order of their ids' bytes. */
function toEntries(flat: readonly Buffer[]): StoredEntry[] {
  const entries: StoredEntry[] = [];
  for (let i = 0; i < flat.length; i += 2) {
    const value = flat[i + 1]!;
    entries.push({ id: flat[i]!.toString('utf8'), version: value.readUInt32BE(0), record: value.subarray(ENTRY_HEAD) });
  }
  return entries.length < 2 ? entries : entries.sort((a, b) => compareBytes(a.id, b.id));
}

function toSession(value: Buffer | null): StoredSession | undefined {
  if (value === null) return undefined;
  return { version: value.readUInt32BE(0), entries: value.readUInt32BE(4), record: value.subarray(SESSION_HEAD) };
}

function alarmsOf(writes: readonly DeviceWrite[]): Alarm[] {
  const alarms: Alarm[] = [];
  for (const { number, alarmMs } of writes) if (alarmMs !== undefined) alarms.push({ number, atMs: alarmMs });
  return alarms;
}

function toCommand({ number, session, entries = [], limit }: DeviceWrite, keys: Keys): RedisCommand {
  const key = keys.session(number);
  const [expected, record, ttl] = sessionArguments(session);
  if (entries.length === 0 && session?.record !== undefined && session.expected > 0) return { key, run: scripts.commitSession, keys: [key], args: [expected, record, ttl] };
  return { key, run: scripts.commitDevice, keys: [key, keys.queue(number)], args: deviceArguments([expected, record, ttl], entries, limit) };
}

const NO_SESSION = ['', '', ''] as const;

function sessionArguments(session: DeviceWrite['session']): readonly [Argument, Argument, Argument] {
  if (session === undefined) return NO_SESSION;
  return session.record === undefined ? [session.expected, '', scripts.KEEP] : [session.expected, session.record, session.ttlMs ?? ''];
}

function deviceArguments([expected, record, ttl]: readonly [Argument, Argument, Argument], entries: readonly EntryWrite[], limit: DeviceWrite['limit']): Argument[] {
  const [most, bytes] = [limit?.entries ?? '', limit?.bytes ?? ''];
  const [only] = entries;
  // The usual change is that of one entry.
  if (only !== undefined && entries.length === 1) return [expected, record, ttl, most, bytes, only.id, only.expected, entryArgument(only)];
  const args: Argument[] = [expected, record, ttl, most, bytes];
  for (const entry of entries) args.push(entry.id, entry.expected, entryArgument(entry));
  return args;
}

function entryArgument({ record, expected }: EntryWrite): Argument {
  return record === undefined ? '' : { version: expected + 1, record };
}
