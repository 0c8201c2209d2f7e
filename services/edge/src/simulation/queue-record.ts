/** Watches the durable queues: who goes next, one at a time, and every end but once. */
import { byTurn, decodeEntry, isFinished, type DeviceWrite, type QueueEntry, type StoredEntry } from '@cluster/session';

/** A worker looks at a queue before it leases the next entry; what came since may have been overlooked. */
const OVERLOOKED_MS = 3_000;

export class QueueRecord {
  readonly faults: string[] = [];
  /** The final state of each entry. */
  readonly ends = new Map<string, QueueEntry>();

  /** A write, just before it takes effect on `entries`. */
  written({ number, entries: writes = [] }: DeviceWrite, entries: ReadonlyMap<string, StoredEntry>): void {
    for (const { id, record } of writes) {
      const before = entries.get(id);
      const old = before === undefined ? undefined : decodeEntry(before.record);
      if (record === undefined) this.#removed(id, old);
      else this.#changed(number, old, decodeEntry(record), entries);
    }
  }

  #removed(id: string, old: QueueEntry | undefined): void {
    if (old !== undefined && !isFinished(old)) this.faults.push(`entry ${id} was removed while ${old.state}`);
  }

  #changed(number: string, old: QueueEntry | undefined, next: QueueEntry, entries: ReadonlyMap<string, StoredEntry>): void {
    const { id } = next;
    if (old !== undefined && isFinished(old) && next.state !== old.state) this.faults.push(`entry ${id} ended as ${old.state}, then as ${next.state}`);
    if (isFinished(next)) this.ends.set(id, next);
    if (next.state !== 'in-flight' || old?.state === 'in-flight') return;
    const others = [...entries.values()].map((e) => decodeEntry(e.record)).filter((e) => e.id !== id);
    if (others.some((e) => e.state === 'in-flight')) this.faults.push(`${number} has two commands in flight`);
    const nowMs = Date.now();
    const before = others.find((e) => isReady(e, nowMs) && byTurn(e, next) < 0);
    if (before !== undefined) this.faults.push(`${id} went before ${before.id}, whose turn it was`);
  }
}

function isReady(entry: QueueEntry, nowMs: number): boolean {
  const { state, deadlineMs, notBeforeMs, acceptedAtMs } = entry;
  return state === 'queued' && deadlineMs > nowMs && Math.max(notBeforeMs, acceptedAtMs) + OVERLOOKED_MS <= nowMs;
}
