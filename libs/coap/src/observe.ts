/** The order of notifications (RFC 7641 §3.4). */

/** An Observe value with the time at which its notification arrived. */
export interface ObservedAt {
  readonly value: number;
  readonly atMs: number;
}

const HALF_RANGE = 1 << 23;
const MAX_REORDERING_MS = 128_000;

/** Whether `next`, which arrived after `last`, was also sent after it. Datagram transports only: on streams all are in order. */
export function isFresher(last: ObservedAt, next: ObservedAt): boolean {
  const { value: v1 } = last;
  const { value: v2 } = next;
  return (
    (v1 < v2 && v2 - v1 < HALF_RANGE) ||
    (v1 > v2 && v1 - v2 > HALF_RANGE) ||
    next.atMs > last.atMs + MAX_REORDERING_MS
  );
}
