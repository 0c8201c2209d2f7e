/** How a campaign goes on by itself: wave after wave, to its end, or to a halt. Pure. */
import type { CampaignWave } from '@cluster/contracts';
import { inState, nextWave, type Campaign, type CampaignMoment } from './campaign.ts';
import { endedOf, openOf, underWay, type Ended, type Tally } from './tally.ts';

/** How many devices may have been let in up to the end of a wave. Those that others took before their turn are not counted. */
export function admittedAtMost({ count, percent }: CampaignWave, admitted: number, waiting: number): number {
  const all = admitted + waiting;
  return Math.min(all, count ?? Math.ceil((all * (percent ?? 100)) / 100));
}

/** The campaign as it stands now; the same where nothing changed. */
export function advance(campaign: Campaign, tally: Tally, at: CampaignMoment): Campaign {
  const { state, selecting } = campaign;
  if (state === 'aborting') return selecting === undefined && tally.at.waiting + openOf(tally) === 0 ? inState(campaign, 'aborted', at) : campaign;
  if (state !== 'running' || selecting !== undefined) return campaign;
  if (tally.at.waiting + openOf(tally) === 0) return inState(campaign, 'done', at);
  const through = isThrough(campaign, tally);
  const halt = overspent(campaign, tally, through);
  if (halt !== undefined) return inState({ ...campaign, halt }, 'halted', at);
  return through && campaign.wave.index + 1 < campaign.request.waves.length ? leaveWave(campaign, tally, at) : campaign;
}

function leaveWave(campaign: Campaign, tally: Tally, at: CampaignMoment): Campaign {
  const { wave, request } = campaign;
  const { soakS, approval } = request.waves[wave.index]!;
  if (wave.throughMs === undefined && soakS > 0) return { ...campaign, wave: { ...wave, throughMs: at.nowMs } };
  if (at.nowMs < (wave.throughMs ?? 0) + soakS * 1_000) return campaign;
  return approval ? inState(campaign, 'awaiting-approval', at) : nextWave(campaign, tally, at);
}

/** Whether all devices of the wave were let in, and enough of them have ended. */
function isThrough({ request, wave, admitted }: Campaign, tally: Tally): boolean {
  const present = request.waves[wave.index]!;
  if (admitted < admittedAtMost(present, admitted, tally.at.waiting)) return false;
  return openOf(tally) * 100 <= admitted * (100 - present.endedPercent);
}

/**
 * What halts the campaign: too many that failed or did not come back, in this wave or since it last was let go on. They are held
 * against all that have begun: devices that fail end sooner than others, so that of those that ended first too many would.
 */
function overspent({ request: { budget }, wave, forgiven }: Campaign, tally: Tally, atEndOfWave: boolean): string | undefined {
  const now = endedOf(tally);
  for (const before of [wave.before, forgiven]) {
    const { succeeded, failed, lost } = since(now, before);
    const over = succeeded + failed + lost;
    if (over === 0 || (!atEndOfWave && over < budget.minimum)) continue;
    const sample = over + underWay(tally);
    const share = (count: number) => `${count} of ${sample} devices (${Math.floor((count * 1_000) / sample) / 10} %)`;
    if (exceeds(lost, sample, budget.lostPercent)) return `${share(lost)} did not come back, more than ${budget.lostPercent} %`;
    if (exceeds(failed + lost, sample, budget.failedPercent)) return `${share(failed + lost)} did not succeed, more than ${budget.failedPercent} %`;
  }
  return undefined;
}

/** What ended since then. A device that was let go on counts once. */
function since(now: Ended, before: Ended): Ended {
  return {
    succeeded: Math.max(0, now.succeeded - before.succeeded), failed: Math.max(0, now.failed - before.failed), lost: Math.max(0, now.lost - before.lost),
  };
}

function exceeds(count: number, of: number, percent: number): boolean {
  return count * 100 > percent * of;
}
