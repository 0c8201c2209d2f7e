/** A campaign as operators see it: how far it is, and why it stands where it stands. */
import type { CampaignView } from '@cluster/contracts';
import { admittedAtMost } from './advance.ts';
import type { Campaign } from './campaign.ts';
import { campaignCountsOf, openOf, type Tally } from './tally.ts';
import { opensAt } from './windows.ts';

const REASONS: Readonly<Partial<Record<Campaign['state'], string>>> = {
  paused: 'an operator paused it', aborting: 'an operator aborted it: what installs is waited for', aborted: 'an operator aborted it', done: 'all devices have ended',
};

function reasonOf(campaign: Campaign, tally: Tally, nowMs: number): string {
  const { state, halt, selecting, wave, request } = campaign;
  if (state === 'halted') return halt ?? '';
  if (state === 'awaiting-approval') return `wave ${wave.index + 1} of ${request.waves.length} has ended: the next one waits for an operator's approval`;
  return REASONS[state] ?? (selecting === undefined ? whenOf(campaign, nowMs) ?? progressOf(campaign, tally) : 'its devices are being selected');
}

/** What the campaign waits for by the clock; undefined: nothing. */
function whenOf({ request: { notBefore, notAfter, windows } }: Campaign, nowMs: number): string | undefined {
  if (notBefore !== undefined && nowMs < Date.parse(notBefore)) return `it begins at ${notBefore}`;
  if (notAfter !== undefined && nowMs >= Date.parse(notAfter)) return 'its time is over: what has begun is waited for';
  const opens = opensAt(windows, nowMs);
  if (opens === nowMs) return undefined;
  return opens === undefined ? 'no window opens within two weeks' : `no window is open: the next one opens at ${new Date(opens).toISOString()}`;
}

function progressOf({ wave, request, admitted }: Campaign, tally: Tally): string {
  const most = admittedAtMost(request.waves[wave.index]!, admitted, tally.at.waiting);
  return `wave ${wave.index + 1} of ${request.waves.length}: ${admitted} of ${most} devices have begun, ${openOf(tally)} have not ended`;
}

/** The campaign as REST and events show it. */
export function campaignView(id: string, campaign: Campaign, tally: Tally, nowMs: number): CampaignView {
  const { state, tenant, group, selector, request, package: wanted, wave, createdAtMs, finishedAtMs, selecting } = campaign;
  return {
    id, state, reason: reasonOf(campaign, tally, nowMs), ...(tenant === undefined ? {} : { tenant }), package: wanted.id, version: wanted.version,
    ...(group === undefined ? {} : { group }), selector, request, wave: wave.index + 1, createdAt: new Date(createdAtMs).toISOString(),
    ...(finishedAtMs === undefined ? {} : { finishedAt: new Date(finishedAtMs).toISOString() }), selecting: selecting !== undefined, counts: campaignCountsOf(tally),
  };
}
