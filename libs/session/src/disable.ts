/**
 * Disable (/1/x/4): the device de-registers and comes back after Disable Timeout (/1/x/5) by a Register. Its silence until
 * then is no failure, and what waits for it goes on waiting. Pure. OMA LwM2M Core 1.1, object 1
 */
import type { CommandRequest, EndpointDisabledValue } from '@cluster/contracts';
import type { SessionRecord } from './record.ts';

/** A device that was told to be away. */
export interface Disabled {
  readonly sinceMs: number;
  readonly untilMs: number;
  /** It was told to be overdue. */
  readonly overdue: boolean;
}

/** Disable Timeout of a device that never told another: object 1, resource 5. */
const DEFAULT_TIMEOUT_S = 86_400;
/** Server accounts whose timeouts are remembered; a device has one or two. */
const MAX_ACCOUNTS = 8;
const DISABLE = /^\/1\/(\d+)\/4$/;
const TIMEOUT = /^\/1\/(\d+)\/5$/;

export function isDisable(command: CommandRequest): boolean {
  return command.op === 'execute' && DISABLE.test(command.path ?? '');
}

/** The session while an Execute of Disable is under way: a De-register from now on may be its effect, its answer lost. */
export function disabling(record: SessionRecord, command: CommandRequest): SessionRecord {
  if (!isDisable(command)) return record;
  const instance = DISABLE.exec(command.path ?? '')?.[1] ?? '';
  return { ...record, disablingS: record.disableTimeouts?.[instance] ?? DEFAULT_TIMEOUT_S };
}

/** The session after the Execute was answered: disabled if it succeeded. */
export function afterDisable(record: SessionRecord, succeeded: boolean, at: { nowMs: number; sequence: number }): SessionRecord {
  const { disablingS, ...rest } = record;
  // Without the mark its De-register has come already, or the device is back.
  if (disablingS === undefined) return record;
  if (!succeeded || record.state !== 'registered') return rest;
  return { ...rest, disabled: disabledFrom(at.nowMs, disablingS), pending: { type: 'disabled', atMs: at.nowMs, sequence: at.sequence } };
}

/** What a De-register makes of it, and whether that is the first that is known of it. */
export function disabledByLeaving(record: SessionRecord, nowMs: number): { disabled?: Disabled; first: boolean } {
  if (record.disabled !== undefined) return { disabled: record.disabled, first: false };
  return record.disablingS === undefined ? { first: false } : { disabled: disabledFrom(nowMs, record.disablingS), first: true };
}

function disabledFrom(nowMs: number, timeoutS: number): Disabled {
  return { sinceMs: nowMs, untilMs: nowMs + timeoutS * 1_000, overdue: false };
}

/** The device is heard by a Register or Update: whatever it was told, it is back. */
export function enabled(record: SessionRecord): SessionRecord {
  if (record.disabled === undefined && record.disablingS === undefined) return record;
  const { disabled: _, disablingS: __, ...rest } = record;
  return rest;
}

/** Remembers Disable Timeouts among values that were written to the device or read from it. */
export function withDisableTimeouts(record: SessionRecord, values: readonly { path: string; value?: unknown }[]): SessionRecord {
  let timeouts = record.disableTimeouts;
  for (const { path, value } of values) {
    const instance = TIMEOUT.exec(path)?.[1];
    if (instance === undefined || typeof value !== 'number' || !(value >= 0)) continue;
    if (timeouts?.[instance] === value || Object.keys({ ...timeouts, [instance]: 0 }).length > MAX_ACCOUNTS) continue;
    timeouts = { ...timeouts, [instance]: value };
  }
  return timeouts === undefined || timeouts === record.disableTimeouts ? record : { ...record, disableTimeouts: timeouts };
}

/** The number outlives the registration: an operator keeps state for it, or its device is to come back. */
export function isKept({ kept, disabled }: SessionRecord): boolean {
  return kept || disabled?.overdue === false;
}

/** Told when a device was disabled, and when it did not come back. */
export function endpointDisabledValue({ endpoint, locationId, disabled }: SessionRecord, state: EndpointDisabledValue['state']): EndpointDisabledValue {
  const { sinceMs, untilMs } = disabled ?? { sinceMs: 0, untilMs: 0 };
  return { endpoint, registrationId: locationId, state, since: new Date(sinceMs).toISOString(), until: new Date(untilMs).toISOString() };
}
