/** What the counts of a campaign's buckets say: how many devices stand where, and how many of each label are under way. */
import type { CampaignCounts } from '@cluster/contracts';
import { detailOf, placeOf, type CampaignPlace } from './device.ts';

/** Counts of buckets, as the store has them. */
export type Buckets = Readonly<Record<string, number>>;

export interface Tally {
  readonly at: Readonly<Record<CampaignPlace, number>>;
  /** Devices under way by their label's value. */
  readonly cells: ReadonlyMap<string, number>;
  readonly failedBy: Readonly<Record<string, number>>;
}

/** Devices that ended in a way that the budget is about. */
export interface Ended {
  readonly succeeded: number;
  readonly failed: number;
  readonly lost: number;
}

export function tallyOf(buckets: Buckets): Tally {
  const at: Record<CampaignPlace, number> = {
    waiting: 0, asleep: 0, woken: 0, held: 0, retry: 0, starting: 0, running: 0, succeeded: 0, failed: 0, lost: 0, unreachable: 0, skipped: 0, cancelled: 0, superseded: 0,
  };
  const cells = new Map<string, number>();
  const failedBy: Record<string, number> = {};
  for (const [bucket, count] of Object.entries(buckets)) {
    if (count <= 0) continue;
    const place = placeOf(bucket);
    at[place] += count;
    if (place === 'starting' || place === 'running') cells.set(detailOf(bucket), (cells.get(detailOf(bucket)) ?? 0) + count);
    if (place === 'failed') failedBy[detailOf(bucket)] = count;
  }
  return { at, cells, failedBy };
}

export function underWay({ at }: Tally): number {
  return at.starting + at.running;
}

/** Devices that were let into a wave and have not ended. */
export function openOf(tally: Tally): number {
  const { asleep, woken, held, retry } = tally.at;
  return asleep + woken + held + retry + underWay(tally);
}

export function endedOf({ at: { succeeded, failed, lost } }: Tally): Ended {
  return { succeeded, failed, lost };
}

/** The counts as REST and events show them. */
export function campaignCountsOf(tally: Tally): CampaignCounts {
  const { at, failedBy } = tally;
  return {
    targets: Object.values(at).reduce((sum, count) => sum + count, 0), waiting: at.waiting + at.woken, asleep: at.asleep, held: at.held, retrying: at.retry,
    running: underWay(tally), succeeded: at.succeeded, failed: failedBy, lost: at.lost, unreachable: at.unreachable, skipped: at.skipped,
    cancelled: at.cancelled, superseded: at.superseded,
  };
}
