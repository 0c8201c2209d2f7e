/** Events as the edge publishes them. */
import { commandEventType, type CommandStatus, type EventType, eventTypes, restExamples, type Topic, topics } from '@cluster/contracts';
import { buildEvent, type EventRecord } from '@cluster/events';

let lastId = 0;

export interface EventOptions {
  readonly time?: string;
  readonly value?: Uint8Array;
  readonly contentType?: string;
  readonly tenant?: string;
}

export function event(topic: Topic, type: EventType | string, endpoint: string, data: unknown, options: EventOptions = {}): EventRecord {
  const built = buildEvent({
    topic, type: type as EventType, id: `e${++lastId}`, source: '/lwm2m/edge/test', endpoint, tenant: options.tenant ?? 'default',
    timeMs: Date.parse(options.time ?? '2026-03-01T09:00:00.000Z'), generation: 1, fence: 1, sessionVersion: 1, data: data ?? {},
  });
  if (options.value === undefined) return built;
  return { ...built, value: options.value, headers: { ...built.headers, 'content-type': options.contentType ?? 'application/json' } };
}

export function registration(endpoint: string, type: EventType = eventTypes.registered, time?: string): EventRecord {
  return event(topics.registrations, type, endpoint, { ...restExamples.endpoint, ...presenceOf[type], endpoint }, time === undefined ? {} : { time });
}

const asOf = { since: '2026-03-01T09:00:00.000Z', lastHeard: '2026-03-01T08:58:27.000Z' };
const presenceOf: Partial<Record<EventType, object>> = {
  [eventTypes.awake]: { ...asOf, state: 'awake' },
  [eventTypes.asleep]: { ...asOf, state: 'asleep' },
  [eventTypes.disabled]: { since: asOf.since, until: '2026-03-01T10:00:00.000Z', state: 'disabled' },
  [eventTypes.overdue]: { since: asOf.since, until: '2026-03-01T10:00:00.000Z', state: 'overdue' },
};

export function notification(endpoint: string, value: number, extra: { time?: number; receivedAt?: string; path?: string } = {}): EventRecord {
  const path = extra.path ?? '/3303/0/5700';
  return event(topics.notifications, eventTypes.notification, endpoint, {
    endpoint,
    registrationId: 'r1',
    paths: [path],
    receivedAt: extra.receivedAt ?? '2026-03-01T09:00:00.000Z',
    values: [{ path, value, type: 'float', ...(extra.time === undefined ? {} : { time: extra.time }) }],
  });
}

export function commandResult(endpoint: string, status: CommandStatus): EventRecord {
  return event(topics.commandResults, eventTypes.commandResult, endpoint, { ...status, endpoint });
}

export interface AskedOptions {
  readonly id?: string;
  readonly source?: string;
  readonly key?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What an integrator writes to lwm2m.commands. */
export function asked(endpoint: string, command: object, options: AskedOptions = {}): EventRecord {
  const headers = {
    ce_specversion: '1.0', ce_id: options.id ?? `asked-${++lastId}`, ce_source: options.source ?? '/erp', ce_type: commandEventType,
    'content-type': 'application/json', ...options.headers,
  };
  const value = Buffer.from(JSON.stringify({ endpoint, ...command }));
  return { topic: topics.commands, key: options.key ?? endpoint, headers, value };
}
