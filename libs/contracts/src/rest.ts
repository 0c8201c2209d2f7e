/** What only REST has: queries, lists and the data of server-sent events. */
import { z } from 'zod';
import { desiredObservation, lastValue, observationView, presenceState } from './endpoints.ts';
import { commandStatus } from './commands.ts';
import { type EventType, eventTypes } from './events.ts';
import type { Labels } from './profile.ts';
import { endpointState } from './states.ts';

const eventType = z.enum(Object.values(eventTypes) as [EventType, ...EventType[]]);

/** One value or several of a query parameter that may be repeated. */
function repeatable<T extends z.ZodType<unknown, string>>(item: T) {
  return z.preprocess((value) => (value === undefined || Array.isArray(value) ? value : [value]), z.array(item).min(1).max(100).optional());
}

const labelText = z.string().max(127).regex(/^[^=]+=/, 'expected key=value');

/** The labels of a query as a map. */
export function labelsOf(texts: readonly string[]): Labels {
  return Object.fromEntries(texts.map((text) => [text.slice(0, text.indexOf('=')), text.slice(text.indexOf('=') + 1)]));
}

/** A name as devices may register it: no control characters. */
export const endpointName = z.string().min(1).max(1_024).regex(/^\P{Cc}+$/u, 'expected a name without control characters');

export const endpointsQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(1_000).default(100).describe('endpoints of one page'),
  cursor: z.base64url().min(1).max(2_048).optional().describe('`next` of the page before'),
  state: endpointState.optional().describe('only endpoints in this state'),
  presence: presenceState.optional().describe('only endpoints whose devices are so'),
  label: repeatable(labelText).describe('only endpoints with this label, `key=value`; given several times, with all of them'),
});
export type EndpointsQuery = z.infer<typeof endpointsQuery>;

export const commandQuery = z.strictObject({
  wait: z.coerce.number().int().min(1).max(120).optional().describe('seconds to wait for the device at most'),
});
export type CommandQuery = z.infer<typeof commandQuery>;

export const eventsQuery = z.strictObject({
  endpoint: repeatable(z.string().min(1).max(1_024)).describe('only events of these endpoints'),
  type: repeatable(eventType).describe('only events of these CloudEvents types'),
  lastEventId: z.string().max(8_192).optional().describe('as the Last-Event-ID header, for clients that cannot set it'),
});
export type EventsQuery = z.infer<typeof eventsQuery>;

export const commandList = z.array(commandStatus).describe('newest first');
export const valueList = z.array(lastValue).describe('in order of their paths');
export const observationList = z.array(observationView);
/** PUT replaces what is observed by this list. */
export const desiredObservationList = z.array(desiredObservation).max(10_000);

/** `data` of one server-sent event; its `event` field is `type`. */
export const streamedEvent = z.object({
  id: z.string().describe('id of the event: equal ids are one event'),
  type: eventType,
  time: z.string(),
  endpoint: z.string(),
  tenant: z.string(),
  data: z.unknown(),
});
export type StreamedEvent = z.infer<typeof streamedEvent>;

/** `data` of the server-sent event `gap`: events before the oldest that is kept are gone. */
export const streamGap = z.object({ topic: z.string(), partition: z.number().int() });
export type StreamGap = z.infer<typeof streamGap>;

const partHealth = z.object({ status: z.enum(['up', 'down']), reason: z.string().optional() });

export const liveness = z.object({ status: z.literal('up') });
export const readiness = z.object({ status: z.enum(['up', 'down']), parts: z.record(z.string(), partHealth) });
export type Readiness = z.infer<typeof readiness>;
