/** The events that the edge tells, built from sessions and messages. Equal causes give equal ids, on whichever worker. */
import { eventTypes, topics, type CommandResultValue, type NotificationGapValue, type ReportValue } from '@cluster/contracts';
import { buildEvent, eventId, MAX_RECORD_BYTES, recordBytes, type EventRecord } from '@cluster/events';
import {
  endpointChangedValue, endpointDisabledValue, entryStatus, presenceValue, registrationValue, type DeviceNumber, type PendingEvent, type QueueEntry, type SessionRecord,
} from '@cluster/session';

const topicOfReport = { notification: topics.notifications, send: topics.sends } as const;

/** The session that an event tells of. */
interface Source {
  readonly number: DeviceNumber;
  readonly version: number;
  readonly record: SessionRecord;
}

/** What tells one message from another, and is the same in a repeat of it. */
interface Cause {
  readonly token: Uint8Array;
  readonly messageId: number;
  readonly observe?: number;
  readonly payload: Uint8Array;
}

type Report = Omit<ReportValue, 'endpoint' | 'registrationId' | 'receivedAt' | 'payloadBase64'>;

const EMPTY = new Uint8Array();
/** One for all workers: what is told again, by whichever of them, has the same source and id. */
const SOURCE = '/lwm2m/edge';

export class DomainEvents {
  readonly #worker: string;
  readonly #encoding: 'json' | 'cbor';
  readonly #payload: boolean;

  /** `payload`: whether reports carry the device's raw payload. */
  constructor(worker: string, { encoding, payload }: { encoding: 'json' | 'cbor'; payload: boolean }) {
    this.#worker = worker;
    this.#encoding = encoding;
    this.#payload = payload;
  }

  /** The events of a record's pending mark. */
  pending(number: DeviceNumber, version: number, record: SessionRecord): EventRecord[] {
    if (record.pending === undefined) return [];
    const { type, also } = record.pending;
    const told = also === undefined ? [type] : [type, also];
    return told.map((one) => this.#pendingEvent(number, version, record, one, record.pending!));
  }

  #pendingEvent(number: DeviceNumber, version: number, record: SessionRecord, told: PendingEvent['type'], { atMs, sequence }: PendingEvent): EventRecord {
    const type = eventTypes[told];
    const id = eventId({ number, registrationId: record.locationId, type, sequence });
    return this.#build(topics.registrations, type, id, record, version, atMs, pendingData(record, told, atMs));
  }

  /** What an operator keeps for the endpoint, after the change of a record's mark: equal until it changes again. */
  endpointChanged(number: DeviceNumber, version: number, record: SessionRecord): EventRecord {
    const { atMs, sequence } = record.changed ?? { atMs: record.updatedAtMs, sequence: version };
    const type = eventTypes.endpointChanged;
    const id = eventId({ number, registrationId: '', type, sequence });
    return this.#build(topics.registrations, type, id, record, version, atMs, endpointChangedValue(record));
  }

  /** A notification. One that is too large for an event is told without its values. */
  notification(source: Source, cause: Cause, atMs: number, report: Report): EventRecord {
    const event = this.#report('notification', source, cause, atMs, report);
    if (fits(event)) return event;
    const short = { ...report, values: [], decodeError: tooLarge(cause.payload.length) };
    return this.#report('notification', source, { ...cause, payload: EMPTY }, atMs, short);
  }

  /** A Send; undefined if it is too large for an event. */
  send(source: Source, cause: Cause, atMs: number, report: Report): EventRecord | undefined {
    const event = this.#report('send', source, cause, atMs, report);
    return fits(event) ? event : undefined;
  }

  #report(kind: 'notification' | 'send', { number, version, record }: Source, cause: Cause, atMs: number, report: Report): EventRecord {
    const type = eventTypes[kind];
    const id = eventId({ number, registrationId: record.locationId, type, ...cause });
    const data: ReportValue = {
      endpoint: record.endpoint,
      registrationId: record.locationId,
      receivedAt: new Date(atMs).toISOString(),
      ...report,
      ...this.#raw(cause.payload, report.decodeError !== undefined),
    };
    return this.#build(topicOfReport[kind], type, id, record, version, atMs, data);
  }

  /** The raw payload, where it was asked for or nobody could read it. */
  #raw(payload: Uint8Array, unreadable: boolean): Pick<ReportValue, 'payloadBase64'> {
    if (payload.length === 0 || !(this.#payload || unreadable)) return {};
    return { payloadBase64: Buffer.from(payload).toString('base64') };
  }

  gap(number: DeviceNumber, version: number, record: SessionRecord, fromMs: number, toMs: number): EventRecord {
    const type = eventTypes.notificationGap;
    const id = eventId({ number, registrationId: record.locationId, type, sequence: fromMs });
    const data: NotificationGapValue = {
      endpoint: record.endpoint,
      registrationId: record.locationId,
      from: new Date(fromMs).toISOString(),
      to: new Date(toMs).toISOString(),
      paths: record.observations.flatMap((o) => [...o.paths]),
    };
    return this.#build(topics.notifications, type, id, record, version, toMs, data);
  }

  commandResult(number: DeviceNumber, version: number, record: SessionRecord, entry: QueueEntry): EventRecord {
    const type = eventTypes.commandResult;
    const id = eventId({ number, registrationId: entry.id, type, sequence: entry.acceptedAtMs });
    const atMs = entry.finishedAtMs ?? entry.acceptedAtMs;
    const status = entryStatus(entry);
    const build = (data: CommandResultValue) => this.#build(topics.commandResults, type, id, record, version, atMs, data);
    const event = build({ ...status, endpoint: record.endpoint });
    if (fits(event) || status.response === undefined) return event;
    const { payloadBase64 = '', values: _, ...short } = status.response;
    const response = { ...short, decodeError: tooLarge(Math.floor((payloadBase64.length * 3) / 4)) };
    return build({ ...status, response, endpoint: record.endpoint });
  }

  #build(
    topic: EventRecord['topic'],
    type: (typeof eventTypes)[keyof typeof eventTypes],
    id: string,
    record: SessionRecord,
    sessionVersion: number,
    timeMs: number,
    data: unknown,
  ): EventRecord {
    const { endpoint, tenant, generation, fence } = record;
    const by = { source: SOURCE, worker: this.#worker, encoding: this.#encoding };
    return buildEvent({ topic, type, id, endpoint, tenant, timeMs, generation, fence, sessionVersion, data, ...by });
  }
}

function pendingData(record: SessionRecord, told: PendingEvent['type'], atMs: number): unknown {
  if (told === 'awake' || told === 'asleep') return presenceValue(record, told, atMs);
  if (told === 'disabled' || told === 'overdue') return endpointDisabledValue(record, told);
  return registrationValue(record);
}

/** A broker takes no record beyond this size; the command itself keeps its whole answer for REST. */
function fits(event: EventRecord): boolean {
  return recordBytes(event) <= MAX_RECORD_BYTES;
}

function tooLarge(bytes: number): string {
  return `a body of ${bytes} bytes is too large for an event`;
}
