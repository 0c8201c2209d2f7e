/** A campaign: what it brings to whom, and how far it is. Pure; one text record, which the store keeps by version. */
import { campaignRequest, campaignState, firmwareTarget, isSameJson, packageId, selector, type CampaignRequest, type CampaignState, type Selector } from '@cluster/contracts';
import { z } from 'zod';
import { endedOf, type Tally } from './tally.ts';

const ended = z.object({ succeeded: z.number(), failed: z.number(), lost: z.number() });

const campaignRecord = z.object({
  state: campaignState,
  /** Why it was halted. */
  halt: z.string().optional(),
  tenant: z.string().optional(),
  group: z.string().optional(),
  /** As it stood when the campaign began. */
  selector,
  package: z.object({ id: packageId, version: z.string(), size: z.number(), target: firmwareTarget }),
  request: campaignRequest.omit({ package: true, target: true, idempotencyKey: true }),
  createdAtMs: z.number(),
  finishedAtMs: z.number().optional(),
  /** While devices are selected: those up to this name are. */
  selecting: z.object({ after: z.string().optional() }).optional(),
  /** Devices that were let into a wave. */
  admitted: z.number().int(),
  wave: z.object({
    index: z.number().int(),
    /** What had ended when it began. */
    before: ended,
    /** Since when enough of its devices have ended. */
    throughMs: z.number().optional(),
  }),
  /** What had ended when an operator let it go on after a halt: it counts no more. */
  forgiven: ended,
  /** Until when the bytes of what has begun fill the bandwidth, of the campaign and of labels' values. */
  paidUntilMs: z.number(),
  cellsPaidUntilMs: z.record(z.string(), z.number()),
  /** Its state is not known to be told by an event. */
  untold: z.object({ atMs: z.number(), sequence: z.number().int() }).optional(),
});
export type Campaign = z.infer<typeof campaignRecord>;

/** When a change is made, and the version that the record gets by it. */
export interface CampaignMoment {
  readonly nowMs: number;
  readonly sequence: number;
}

/** A stored campaign that this version cannot read. */
export class CampaignUnreadable extends Error {
  readonly code = 'CAMPAIGN_UNREADABLE';
}

export function encodeCampaign(campaign: Campaign): string {
  return JSON.stringify(campaign);
}

/** @throws {CampaignUnreadable} */
export function decodeCampaign(record: string): Campaign {
  try {
    return campaignRecord.parse(JSON.parse(record));
  } catch (cause) {
    throw new CampaignUnreadable('a campaign can not be read', { cause });
  }
}

const NOTHING = { succeeded: 0, failed: 0, lost: 0 } as const;

/** To whom a campaign goes; `tenant`: among the endpoints of this one alone. */
export interface CampaignTarget {
  readonly selector: Selector;
  readonly group?: string | undefined;
  readonly tenant?: string | undefined;
}

export function newCampaign(asked: CampaignRequest, wanted: Campaign['package'], { selector: chosen, group, tenant }: CampaignTarget, nowMs: number): Campaign {
  const { package: _package, target: _target, idempotencyKey: _key, ...request } = asked;
  return {
    state: 'running', selector: chosen, package: wanted, request, createdAtMs: nowMs, selecting: {}, admitted: 0, wave: { index: 0, before: NOTHING }, forgiven: NOTHING,
    paidUntilMs: 0, cellsPaidUntilMs: {}, untold: { atMs: nowMs, sequence: 1 },
    ...(group === undefined ? {} : { group }), ...(tenant === undefined ? {} : { tenant }),
  };
}

/** Whether a request that comes again under the key of a campaign is the one that started it, whatever its group has become since. */
export function isCampaignOf(campaign: Campaign, asked: CampaignRequest): boolean {
  const { package: id, target, idempotencyKey: _, ...request } = asked;
  const { group, selector: chosen } = campaign;
  return isSameJson({ id, target, request }, { id: campaign.package.id, target: group === undefined ? chosen : { group }, request: campaign.request });
}

export function isCampaignOver({ state }: Pick<Campaign, 'state'>): boolean {
  return state === 'done' || state === 'aborted';
}

/** The campaign in another state, which is to be told. */
export function inState(campaign: Campaign, state: CampaignState, { nowMs, sequence }: CampaignMoment): Campaign {
  const over = isCampaignOver({ state }) ? { finishedAtMs: nowMs } : {};
  return { ...campaign, state, ...over, untold: { atMs: nowMs, sequence } };
}

export function nextWave(campaign: Campaign, tally: Tally, at: CampaignMoment): Campaign {
  return inState({ ...campaign, wave: { index: campaign.wave.index + 1, before: endedOf(tally) } }, 'running', at);
}

export type CampaignAction = 'pause' | 'resume' | 'approve' | 'abort';

const FROM: Readonly<Record<CampaignAction, readonly CampaignState[]>> = {
  pause: ['running'], resume: ['paused', 'halted'], approve: ['awaiting-approval'], abort: ['running', 'paused', 'awaiting-approval', 'halted'],
};
const TO: Readonly<Record<CampaignAction, CampaignState>> = { pause: 'paused', resume: 'running', approve: 'running', abort: 'aborting' };

/** What an operator's word makes of a campaign; undefined: it stands where that can not be done. The same word twice is no fault. */
export function actOn(campaign: Campaign, action: CampaignAction, tally: Tally, at: CampaignMoment): Campaign | undefined {
  if (campaign.state === TO[action]) return campaign;
  if (!FROM[action].includes(campaign.state)) return undefined;
  if (action === 'approve') return nextWave(campaign, tally, at);
  const { halt, ...rest } = campaign;
  if (halt === undefined || action !== 'resume') return inState(campaign, TO[action], at);
  const forgiven = endedOf(tally);
  return inState({ ...rest, forgiven, wave: { ...campaign.wave, before: forgiven } }, TO[action], at);
}
