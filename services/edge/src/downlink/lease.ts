/** The identifiers of a request, stored before it leaves: a token that is not in use, and a message id of a reserved block. */
import type { SessionRecord } from '@cluster/session';
import type { Held } from '../held-sessions.ts';

export interface Lease {
  readonly counter: number;
  readonly messageId: number;
  /** The session with the worker as owner, and with what the request uses reserved: unchanged where that was so before. */
  readonly record: SessionRecord;
}

/** Message ids, and tokens, that a worker takes at a time; what it doesn't use of them is skipped by the next owner. */
const BLOCK = 64;

/** `reuse`: the counter of an observation that is renewed or cancelled by its own token. */
export function leaseRequest(held: Held, worker: string, reuse: number | undefined): Lease {
  const { record } = held;
  const messageId = held.nextMessageId ?? record.messageIdsEnd;
  const messageIdsEnd = endOfBlock(record.messageIdsEnd, messageId, held.nextMessageId === undefined);
  const next = held.nextCounter ?? (record.tokenCounter + 1) & 0xffff;
  const counter = reuse ?? freeCounter(record, next);
  // The counter's block ends before the number behind the last one.
  const tokenCounter = reuse === undefined ? (endOfBlock((record.tokenCounter + 1) & 0xffff, counter, held.nextCounter === undefined) - 1) & 0xffff : record.tokenCounter;
  // Used up even if the lease is stored and its sending put off; a lease that is not stored drops the session.
  held.nextMessageId = (messageId + 1) & 0xffff;
  if (reuse === undefined) held.nextCounter = (counter + 1) & 0xffff;
  const same = record.owner === worker && messageIdsEnd === record.messageIdsEnd && tokenCounter === record.tokenCounter;
  const fence = record.owner === worker ? record.fence : record.fence + 1;
  return { counter, messageId, record: same ? record : { ...record, owner: worker, fence, tokenCounter, messageIdsEnd } };
}

/** The next message id of the reserved block; undefined: none is left of it, and the next one needs a lease. */
export function reservedMessageId(held: Held): number | undefined {
  const id = held.nextMessageId;
  const left = id === undefined ? 0 : (held.record.messageIdsEnd - id) & 0xffff;
  if (id === undefined || left === 0 || left > BLOCK) return undefined;
  held.nextMessageId = (id + 1) & 0xffff;
  return id;
}

/** The end of the block that holds `number`: the present one, or a new one if there is none or it is used up. */
function endOfBlock(end: number, number: number, none: boolean): number {
  const left = (end - number) & 0xffff;
  return none || left === 0 || left > BLOCK ? (number + BLOCK) & 0xffff : end;
}

/** The next counter that no observation holds. 65,536 counters go round in far more than 247 s at one request at a time. */
function freeCounter(record: SessionRecord, next: number): number {
  const isUsed = (counter: number): boolean =>
    record.observations.some((o) => o.counter === counter) || record.cancellations.some((o) => o.counter === counter);
  let counter = next;
  while (isUsed(counter)) counter = (counter + 1) & 0xffff;
  return counter;
}
