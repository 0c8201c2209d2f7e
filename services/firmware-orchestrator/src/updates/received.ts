/** What consumers of the topics make of records before they look at any update. */
import type { StreamedEvent } from '@cluster/contracts';
import type { ConsumedRecord } from '@cluster/events';
import type { UpdateStore } from '@cluster/firmware';
import { receivedEvent } from '@cluster/nest-kit';
import { Contended, StoreUnavailable } from '@cluster/session';
import type { Log } from '@cluster/nest-kit';

/** What can not be read is passed over: the read model's consumer buries it. */
export function understood(records: readonly ConsumedRecord[]): StreamedEvent[] {
  return records.flatMap((record) => {
    try {
      return [receivedEvent(record)];
    } catch {
      return [];
    }
  });
}

/** Texts stand in JSON and CBOR as they are: most records need not be read for it. */
export function holds({ value }: ConsumedRecord, text: string): boolean {
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength).includes(text);
}

/** Of these endpoints those with an update that is not over, each once. One of a newer version, or damaged, is for others to carry on. */
export async function openAmong(updates: UpdateStore, endpoints: readonly string[], isOpen: (record: string) => boolean): Promise<string[]> {
  const names = [...new Set(endpoints)];
  const stored = names.length === 0 ? [] : await updates.loadUpdates(names);
  return names.filter((_, i) => {
    const record = stored[i]?.record;
    try {
      return record !== undefined && isOpen(record);
    } catch {
      return false;
    }
  });
}

/** A store that is away lets the batch come again; an update that can not be carried on holds up no other. */
export async function carriedOn(work: Promise<unknown>, endpoint: string, log: Log): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (error instanceof StoreUnavailable || error instanceof Contended) throw error;
    log.warn({ err: error, endpoint }, 'an update could not be carried on; it is looked at again');
  }
}

const IN_PARALLEL = 16;

/** Works on what several devices told, some devices at a time; what one told in its order. What failed is told when all are through. */
export async function eachDevice<T extends { readonly endpoint: string }>(told: readonly T[], work: (one: T) => Promise<void>): Promise<void> {
  const left = [...Map.groupBy(told, ({ endpoint }) => endpoint).values()];
  const takeTurns = async (): Promise<void> => {
    for (let own = left.shift(); own !== undefined; own = left.shift()) for (const one of own) await work(one);
  };
  const turns = await Promise.allSettled(Array.from({ length: Math.min(IN_PARALLEL, left.length) }, takeTurns));
  for (const turn of turns) if (turn.status === 'rejected') throw turn.reason;
}
