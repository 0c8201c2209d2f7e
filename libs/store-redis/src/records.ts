/** Session records and downlink queues: two keys of one slot for each device, changed by one script each time. */
import { Buffer } from 'node:buffer';
import type { Alarm, CommitResult, DeviceWrite, SessionStore, StoredEntry, StoredSession } from '@cluster/session';
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
      const alarms = writes.flatMap(({ number, alarmMs }) => (alarmMs === undefined ? [] : [{ number, atMs: alarmMs }]));
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

function toCommand({ number, session, entries = [], limit }: DeviceWrite, keys: Keys): RedisCommand {
  const args = sessionArguments(session);
  const key = keys.session(number);
  if (entries.length === 0 && session?.record !== undefined && session.expected > 0) return { key, run: scripts.commitSession, keys: [key], args };
  args.push(limit?.entries ?? '', limit?.bytes ?? '');
  for (const { id, expected, record } of entries) args.push(id, expected, record === undefined ? '' : versioned(record, expected + 1));
  return { key, run: scripts.commitDevice, keys: [key, keys.queue(number)], args };
}

function sessionArguments(session: DeviceWrite['session']): Argument[] {
  if (session === undefined) return ['', '', ''];
  return session.record === undefined ? [session.expected, '', scripts.KEEP] : [session.expected, asBuffer(session.record), session.ttlMs ?? ''];
}

function versioned(record: Uint8Array, version: number): Buffer {
  const value = Buffer.allocUnsafe(ENTRY_HEAD + record.length);
  value.writeUInt32BE(version);
  value.set(record, ENTRY_HEAD);
  return value;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
