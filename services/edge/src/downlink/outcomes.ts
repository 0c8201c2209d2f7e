/** What the end of an exchange makes of the command and of the session. Pure. */
import { Code, locationPath, observeValue, type CoapMessage } from '@cluster/coap';
import type { CommandRequest, CommandResponse } from '@cluster/contracts';
import { formatChoices, isRepeatable, type DeviceContext } from '@cluster/lwm2m';
import {
  afterDisable, changeObservation, desireAlso, finish, forget, isDisable, isFinished, isSame, observationKey, withDisableTimeouts,
  type Exchange, type Observation, type ObservationStep, type QueueEntry, type SessionRecord,
} from '@cluster/session';

/** How often a repeatable command is sent before it is given up. */
const MAX_ATTEMPTS = 10;
const RETRY_MS = { first: 30_000, most: 3_600_000 };

/**
 * A command without an answer: sent again where that does no harm, else its outcome is not known. `awayFromMs`: from
 * when the device does not listen; its next message is a better time than any back-off.
 */
export function unanswered(entry: QueueEntry, reason: string, nowMs: number, awayFromMs?: number): QueueEntry {
  if (reason === 'body-too-large') return finish(entry, { state: 'outcome-unknown', atMs: nowMs, reason: reasons[reason] ?? reason });
  const harmless = NOT_ACTED_ON.has(reason) || isRepeatable(entry.command);
  const because = reasons[reason] ?? reason;
  if (!harmless) return finish(entry, { state: 'outcome-unknown', atMs: nowMs, reason: because });
  if (entry.attempts >= MAX_ATTEMPTS) return finish(entry, { state: 'expired', atMs: nowMs, reason: because });
  const { exchange: _, awayFromMs: __, ...rest } = entry;
  // A device that has just registered listens; one that registers with every request backs off like others.
  if (reason === 'registered-anew' && entry.attempts === 1) return { ...rest, state: 'queued', notBeforeMs: nowMs };
  const notBeforeMs = nowMs + Math.min(RETRY_MS.first * 2 ** (entry.attempts - 1), RETRY_MS.most);
  // A device that rejects what it is sent would do so again.
  const sleeps = awayFromMs !== undefined && !NOT_ACTED_ON.has(reason);
  return { ...rest, state: 'queued', notBeforeMs, ...(sleeps ? { awayFromMs: Math.max(awayFromMs, nowMs) } : {}) };
}

/** The request did not leave, or was rejected: the device did not act on it. RFC 7252 §4.2 */
const NOT_ACTED_ON = new Set(['reset', 'queue-full', 'overload']);

/** Whether an exchange that ended so left the device as it was. */
export function notActedOn(reason: string): boolean {
  return NOT_ACTED_ON.has(reason);
}

const reasons: Readonly<Record<string, string>> = {
  timeout: 'the device did not answer',
  reset: 'the device rejected the request with RST',
  'registered-anew': 'the device registered anew before it answered',
  'body-too-large': 'the answer is larger than this server takes (LWM2M_MAX_BODY_BYTES)',
  'body-changed': 'the value changed while its blocks were fetched',
  'block-failed': 'the device broke off its block-wise answer',
  'bad-option': 'the answer has a critical option that this server does not know',
};

/** The session after a device has answered a command. `exchange`: the one that brought the answer; `late`: long ago. */
export function afterResponse(record: SessionRecord, command: CommandRequest, message: CoapMessage, exchange: Exchange, late = false): SessionRecord {
  const succeeded = message.code >> 5 === 2;
  if (!succeeded) return record;
  switch (command.op) {
    case 'observe':
    case 'observe-composite':
      return observeValue(message) === undefined ? record : { ...desireAlso(record, observed(record, command, exchange, late)), kept: true };
    case 'cancel-observe':
    case 'cancel-observe-composite':
      return forget(record, observationOfCommand(command, exchange.counter));
    case 'create':
      return withInstance(record, createdPath(command, message));
    case 'delete':
      return message.code === Code.DELETED ? withoutInstance(record, command.path) : record;
    case 'write':
    case 'write-partial':
    case 'write-composite':
      return withLifetime(record, command);
    default:
      return record;
  }
}

/** The session after commands that are over without an answer: whether a device still observes what it was told to cancel is not known. */
export function afterSilence(record: SessionRecord, entries: readonly QueueEntry[]): SessionRecord {
  return entries.reduce((after, entry) => {
    if (!isFinished(entry) || entry.attempts === 0 || !entry.command.op.startsWith('cancel-observe')) return after;
    const key = observationKey(observationOfCommand(entry.command, 0));
    const active = after.observations.some((o) => o.state === 'active' && observationKey(o) === key);
    return active ? changeObservation(after, key, { state: 'wanted' }) : after;
  }, record);
}

/** The session after an answer that tells of Disable or of its timeout, written or read. */
export function withDisable(
  record: SessionRecord, command: CommandRequest, response: CommandResponse, at: { nowMs: number; sequence: number },
): SessionRecord {
  const succeeded = response.code.startsWith('2.');
  if (command.op === 'execute') return isDisable(command) ? afterDisable(record, succeeded, at) : record;
  return succeeded ? withDisableTimeouts(record, [...writtenValues(command), ...(response.values ?? [])]) : record;
}

/** The session after a step of reconciling observations was answered. */
export function afterStep(record: SessionRecord, step: ObservationStep, message: CoapMessage, counter: number): SessionRecord {
  const key = observationKey(step.observation);
  const succeeded = message.code >> 5 === 2;
  if (step.action === 'cancel') {
    return { ...record, cancellations: record.cancellations.filter((o) => o.counter !== step.observation.counter) };
  }
  const wanted = record.observations.find((o) => observationKey(o) === key);
  // What is wanted was changed meanwhile, and is made anew.
  if (wanted === undefined || !isSame(wanted, step.observation)) return record;
  if (step.action === 'write-attributes') {
    return changeObservation(record, key, { attributesWritten: true, unset: [], ...(succeeded ? {} : { attributesCode: message.code }) });
  }
  if (wanted.counter !== counter) return record;
  if (succeeded && observeValue(message) !== undefined) return changeObservation(record, key, { state: 'active' });
  return changeObservation(record, key, { state: 'refused', code: message.code });
}

/** A device that has registered anew since, or answered long ago, may have forgotten it: its observation is to be made again. */
function observed(record: SessionRecord, command: CommandRequest, { counter, generation }: Exchange, late: boolean): Observation {
  const made = observationOfCommand(command, counter);
  const { counter: _, ...observation } = made;
  if (generation !== record.generation) return { ...observation, state: 'wanted' };
  return late ? { ...made, state: 'wanted' } : made;
}

/** The observation that an observe or cancel command means. */
export function observationOfCommand(command: CommandRequest, counter: number): Observation {
  const composite = command.paths !== undefined;
  return {
    paths: command.paths ?? [command.path ?? '/'],
    composite,
    ...(command.accept === undefined ? {} : { accept: command.accept }),
    state: 'active',
    attributesWritten: true,
    counter,
  };
}

/** Location-Path of the answer, else the id that the request named. OMA Transport 1.1.1 §6.4.4 */
function createdPath(command: CommandRequest, message: CoapMessage): string | undefined {
  const location = locationPath(message);
  const instance = location.slice(-2).every((segment) => /^\d+$/.test(segment)) ? location.slice(-2) : [];
  if (instance.length === 2) return `/${instance.join('/')}`;
  const named = command.values?.[0]?.path.split('/').slice(0, 3).join('/');
  return named === undefined || named.split('/').length < 3 ? undefined : named;
}

/** A client need not send an Update for it. */
function withInstance(record: SessionRecord, path: string | undefined): SessionRecord {
  const { registration } = record;
  if (path === undefined || registration.objectLinks.some((link) => link.path === path)) return record;
  return { ...record, registration: { ...registration, objectLinks: [...registration.objectLinks, { path }] } };
}

function withoutInstance(record: SessionRecord, path: string | undefined): SessionRecord {
  const { registration } = record;
  const objectLinks = registration.objectLinks.filter((link) => link.path !== path);
  return objectLinks.length === registration.objectLinks.length ? record : { ...record, registration: { ...registration, objectLinks } };
}

function writtenValues(command: CommandRequest): { path: string; value: unknown }[] {
  return command.values ?? (command.path === undefined || command.value === undefined ? [] : [{ path: command.path, value: command.value }]);
}

/** A client that never tells its new lifetime after a Write of /1/x/1 is held to it all the same. */
function withLifetime(record: SessionRecord, command: CommandRequest): SessionRecord {
  const lifetime = writtenValues(command).find(({ path }) => /^\/1\/\d+\/1$/.test(path))?.value;
  const lifetimeS = Number(lifetime);
  if (lifetime === undefined || !Number.isInteger(lifetimeS) || lifetimeS <= 0) return record;
  return { ...record, registration: { ...record.registration, lifetimeS } };
}

/** The command with another content format, where the device does not take this one and there is a choice. */
export function inAnotherFormat(entry: QueueEntry, message: CoapMessage, device: DeviceContext): QueueEntry | undefined {
  const refused = message.code === Code.NOT_ACCEPTABLE || message.code === Code.UNSUPPORTED_CONTENT_FORMAT;
  if (!refused || entry.refusals + 1 >= formatChoices(entry.command, device)) return undefined;
  const { exchange: _, ...rest } = entry;
  return { ...rest, state: 'queued', refusals: entry.refusals + 1 };
}

/** A command that its device has answered. */
export function answered(entry: QueueEntry, response: CommandResponse, nowMs: number): QueueEntry {
  return finish(entry, { state: 'done', atMs: nowMs, response });
}
