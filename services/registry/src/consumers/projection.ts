/** What events mean for the read model: the state of an endpoint, and the values that a device reported. */
import {
  commandResultValue, endpointChangedValue, endpointDisabledValue, eventTypes, type LastValue, presenceValue, registrationValue, reportValue,
  type ReportValue, type ResourceValueJson, type StreamedEvent,
} from '@cluster/contracts';
import type { DirectoryChange, StoredValue } from '@cluster/session';
import type { z } from 'zod';
import type { DirectoryState } from '../directory-states.ts';
import { withTenant } from '../directory-tenants.ts';

/** An event whose data is not what its type promises. */
export class DataUnreadable extends Error {
  readonly code = 'DATA_UNREADABLE';
}

function parse<T extends z.ZodType>(schema: T, event: StreamedEvent): z.output<T> {
  const result = schema.safeParse(event.data);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new DataUnreadable(`${event.type}: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`);
}

const STATES: Readonly<Record<string, DirectoryState>> = {
  [eventTypes.registered]: 'registered',
  [eventTypes.updated]: 'registered',
  [eventTypes.deregistered]: 'deregistered',
  [eventTypes.expired]: 'expired',
  [eventTypes.removed]: 'removed',
  [eventTypes.awake]: 'registered',
  [eventTypes.asleep]: 'asleep',
  [eventTypes.disabled]: 'disabled',
  // A device that did not de-register is told to be expired next.
  [eventTypes.overdue]: 'deregistered',
};

const SCHEMAS: Readonly<Record<string, z.ZodType<{ endpoint: string }>>> = {
  [eventTypes.awake]: presenceValue,
  [eventTypes.asleep]: presenceValue,
  [eventTypes.disabled]: endpointDisabledValue,
  [eventTypes.overdue]: endpointDisabledValue,
};

/** What an event of registration or presence, or a change of the operator's, says to the directory. Throws {@link DataUnreadable}. */
export function entryOf(event: StreamedEvent): DirectoryChange {
  if (event.type === eventTypes.endpointChanged) {
    const { endpoint, state, stateAt, labels } = parse(endpointChangedValue, event);
    const changedAtMs = Date.parse(stateAt);
    if (Number.isNaN(changedAtMs)) throw new DataUnreadable('stateAt is no RFC 3339 time');
    return { endpoint, state, changedAtMs, labelled: { labels: withTenant(labels, event.tenant), atMs: Date.parse(event.time) } };
  }
  const { endpoint, disabledUntil } = parse<z.ZodType<{ endpoint: string; disabledUntil?: string }>>(SCHEMAS[event.type] ?? registrationValue, event);
  const state = STATES[event.type];
  if (state === undefined) throw new DataUnreadable(`${event.type} is no registration event`);
  const left = event.type === eventTypes.deregistered && disabledUntil !== undefined;
  return { endpoint, state: left ? 'left-disabled' : state, changedAtMs: Date.parse(event.time) };
}

export interface EndpointValues {
  readonly endpoint: string;
  readonly values: readonly StoredValue[];
}

/** The values that an event tells of; undefined if it tells of none. Throws {@link DataUnreadable}. */
export function valuesOf(event: StreamedEvent): EndpointValues | undefined {
  switch (event.type) {
    case eventTypes.notification:
    case eventTypes.send: {
      const report = parse(reportValue, event);
      const source = event.type === eventTypes.send ? 'send' : 'notification';
      return newest(report.endpoint, valuesInOrder(report), report.receivedAt, source);
    }
    case eventTypes.commandResult: {
      const result = parse(commandResultValue, event);
      if (result.state === 'rejected' || result.response?.code !== '2.05') return undefined;
      return newest(result.endpoint, result.response.values ?? [], result.finishedAt ?? event.time, 'command');
    }
    default:
      return undefined;
  }
}

/** Of a notification that came out of order only what has a time of its own is known to be new or not. RFC 7641 §3.4 */
function valuesInOrder({ values, outOfOrder }: ReportValue): readonly ResourceValueJson[] {
  return outOfOrder === true ? values.filter(({ time }) => time !== undefined) : values;
}

function newest(
  endpoint: string,
  values: readonly ResourceValueJson[],
  receivedAt: string,
  source: LastValue['source'],
): EndpointValues | undefined {
  const receivedAtMs = Date.parse(receivedAt);
  if (Number.isNaN(receivedAtMs)) throw new DataUnreadable('the time of receipt is no RFC 3339 time');
  const byPath = new Map<string, StoredValue>();
  // Of several times of one path that are all in the future the last is the newest.
  const ownTimeS = ({ time }: ResourceValueJson): number => time ?? receivedAtMs / 1_000;
  for (const value of values.toSorted((a, b) => ownTimeS(a) - ownTimeS(b))) {
    // An instance without resources stands for itself and has no value.
    if (value.value === null) continue;
    const atMs = timeOf(value, receivedAtMs);
    const known = byPath.get(value.path);
    if (known !== undefined && known.atMs > atMs) continue;
    const last: LastValue = { ...value, receivedAt, source };
    byPath.set(value.path, { path: value.path, atMs, json: JSON.stringify(last) });
  }
  return byPath.size === 0 ? undefined : { endpoint, values: [...byPath.values()] };
}

/** A device whose clock runs ahead must not keep later values out: nothing is true later than it was received. */
function timeOf(value: ResourceValueJson, receivedAtMs: number): number {
  if (value.time === undefined || !Number.isFinite(value.time)) return receivedAtMs;
  return Math.min(Math.round(value.time * 1_000), receivedAtMs);
}
