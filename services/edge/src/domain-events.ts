/** The events that the edge tells, built from sessions and messages. Equal causes give equal ids, on whichever worker. */
import { eventTypes, topics, type CommandResultValue, type NotificationGapValue, type ReportValue } from '@cluster/contracts';
import { buildEvent, eventId, type EventRecord } from '@cluster/events';
import { entryStatus, registrationValue, type DeviceNumber, type QueueEntry, type SessionRecord } from '@cluster/session';

const topicOfReport = { notification: topics.notifications, send: topics.sends } as const;

export class DomainEvents {
  readonly #source: string;

  constructor(worker: string) {
    this.#source = `/lwm2m/edge/${worker}`;
  }

  /** The registration event of a record's pending mark. */
  registration(number: DeviceNumber, version: number, record: SessionRecord): EventRecord {
    const pending = record.pending ?? { type: 'updated' as const, atMs: record.updatedAtMs, sequence: version };
    const type = eventTypes[pending.type];
    const id = eventId({ number, registrationId: record.locationId, type, sequence: pending.sequence });
    return this.#build(topics.registrations, type, id, record, version, pending.atMs, registrationValue(record));
  }

  /** A notification or a Send. `cause` is what tells one message from another, and is the same in a repeat of it. */
  report(
    kind: 'notification' | 'send',
    held: { number: DeviceNumber; version: number; record: SessionRecord },
    cause: { token: Uint8Array; messageId: number; observe?: number; payload: Uint8Array },
    atMs: number,
    report: Omit<ReportValue, 'endpoint' | 'registrationId' | 'receivedAt'>,
  ): EventRecord {
    const { number, version, record } = held;
    const type = eventTypes[kind];
    const id = eventId({ number, registrationId: record.locationId, type, ...cause });
    const data: ReportValue = {
      endpoint: record.endpoint,
      registrationId: record.locationId,
      receivedAt: new Date(atMs).toISOString(),
      ...report,
    };
    return this.#build(topicOfReport[kind], type, id, record, version, atMs, data);
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
    const data: CommandResultValue = { ...entryStatus(entry), endpoint: record.endpoint };
    return this.#build(topics.commandResults, type, id, record, version, entry.finishedAtMs ?? entry.acceptedAtMs, data);
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
    return buildEvent({ topic, type, id, source: this.#source, endpoint, tenant, timeMs, generation, fence, sessionVersion, data });
  }
}
