/** The identifiers of a request, stored before it leaves: a token that is not in use, and a message id of a reserved block. */
import type { SessionRecord } from '@cluster/session';
import type { Held } from '../held-sessions.ts';

export interface Lease {
  readonly counter: number;
  readonly messageId: number;
  /** The session with what the request uses marked as used, and the worker as owner. */
  readonly record: SessionRecord;
}

/** Message ids that a worker takes at a time; what it doesn't use of them is skipped by the next owner. */
const MESSAGE_ID_BLOCK = 64;

/** `reuse`: the counter of an observation that is renewed or cancelled by its own token. */
export function leaseRequest(held: Held, worker: string, reuse: number | undefined): Lease {
  const { record } = held;
  const messageId = held.nextMessageId ?? record.messageIdsEnd;
  const left = (record.messageIdsEnd - messageId) & 0xffff;
  const spent = held.nextMessageId === undefined || left === 0 || left > MESSAGE_ID_BLOCK;
  const counter = reuse ?? freeCounter(record);
  // Used up even if the lease is stored and its sending put off; a lease that is not stored drops the session.
  held.nextMessageId = (messageId + 1) & 0xffff;
  return {
    counter,
    messageId,
    record: {
      ...record,
      owner: worker,
      fence: record.owner === worker ? record.fence : record.fence + 1,
      tokenCounter: reuse === undefined ? counter : record.tokenCounter,
      messageIdsEnd: spent ? (messageId + MESSAGE_ID_BLOCK) & 0xffff : record.messageIdsEnd,
    },
  };
}

/** The next counter that no observation holds. 65,536 counters go round in far more than 247 s at one request at a time. */
function freeCounter(record: SessionRecord): number {
  const isUsed = (counter: number): boolean =>
    record.observations.some((o) => o.counter === counter) || record.cancellations.some((o) => o.counter === counter);
  let counter = (record.tokenCounter + 1) & 0xffff;
  while (isUsed(counter)) counter = (counter + 1) & 0xffff;
  return counter;
}
