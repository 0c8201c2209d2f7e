/** Reads a record of lwm2m.commands: which command, for whom, and who asked for it. */
import { createHash } from 'node:crypto';
import { commandEventType, type CommandRequest, commandValue, operation, type Operation, type Problem } from '@cluster/contracts';
import { type ConsumedRecord, readCloudEvent } from '@cluster/events';
import type { Origin } from '@cluster/session';
import { asJson, RecordUnreadable } from '@cluster/nest-kit';

/** Who gets to hear of a command, as far as its record tells. */
export interface Asked {
  /** Empty where neither key nor value names one. */
  readonly endpoint: string;
  readonly op?: Operation;
  readonly origin?: Origin;
}

export type CommandRecord =
  | { readonly kind: 'command'; readonly asked: Asked & { readonly origin: Origin }; readonly command: CommandRequest }
  | { readonly kind: 'malformed'; readonly asked: Asked; readonly faults: NonNullable<Problem['faults']> }
  | { readonly kind: 'unreadable'; readonly asked: Asked; readonly reason: string };

const MAX_FAULTS = 50;

export function readCommandRecord(record: ConsumedRecord): CommandRecord {
  const read = readCloudEvent(record);
  if (!read.ok) return unreadable({ endpoint: record.key }, `${read.fault.code}: ${read.fault.at}`);
  const { id, source, type, timeMs, data } = read.event;
  const origin: Origin = { id, source, ...(timeMs === undefined ? {} : { timeMs }) };
  if (type !== commandEventType) return unreadable({ endpoint: record.key, origin }, 'unknown-type: ce_type');
  try {
    return readValue(record.key, origin, asJson(data, 0));
  } catch (error) {
    if (error instanceof RecordUnreadable) return unreadable({ endpoint: record.key, origin }, error.message);
    throw error;
  }
}

function unreadable(asked: Asked, reason: string): CommandRecord {
  return { kind: 'unreadable', asked, reason };
}

function readValue(key: string, origin: Origin, value: unknown): CommandRecord {
  const asked = { ...namedIn(value, key), origin };
  const parsed = commandValue.safeParse(value);
  if (!parsed.success) {
    const faults = parsed.error.issues.slice(0, MAX_FAULTS).map(({ path, message }) => ({ path: path.join('.'), message }));
    return { kind: 'malformed', asked, faults };
  }
  const { endpoint, ...command } = parsed.data;
  // Kafka keeps the order of one key alone.
  if (endpoint !== key) return { kind: 'malformed', asked, faults: [{ path: 'endpoint', message: 'differs from the key of the record' }] };
  return { kind: 'command', asked, command: { ...command, idempotencyKey: command.idempotencyKey ?? keyOf(origin) } };
}

/** What a value that is malformed elsewhere may still tell. */
function namedIn(value: unknown, key: string): Pick<Asked, 'endpoint' | 'op'> {
  const { endpoint, op } = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>;
  const known = operation.safeParse(op);
  const named = commandValue.shape.endpoint.safeParse(endpoint);
  return { endpoint: named.success ? named.data : key, ...(known.success ? { op: known.data } : {}) };
}

/** Equal source and id are one event (CloudEvents 1.0.2 §3.1.1), and so one command, however often it is read. */
function keyOf({ source, id }: Origin): string {
  return `ce.${createHash('sha256').update(JSON.stringify([source, id])).digest('base64url')}`;
}
