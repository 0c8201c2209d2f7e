/** What becomes of a device of a campaign by what its update tells, and by time. Pure. */
import type { CampaignErrorClass, FirmwareFailure, FirmwareStage } from '@cluster/contracts';
import { isCampaignOver, type Campaign } from './campaign.ts';
import { hasEnded, isUnderWay, type CampaignDevice } from './device.ts';

/** Where the update of one attempt stands. */
export interface UpdateStand {
  readonly attempt: number;
  readonly stage: FirmwareStage;
  readonly reason: string;
  readonly atMs: number;
  readonly failure?: FirmwareFailure | undefined;
  readonly result?: number | undefined;
}

/** A reason is for a reader: what a device says in it may be long. */
const MOST_REASON = 300;
/** Devices that are tried again after the same time are looked for in so many steps of it. */
const STEPS = 32;

/** The device after its update told where it stands; undefined: that changes nothing. */
export function afterUpdate(campaign: Campaign, device: CampaignDevice, update: UpdateStand, nowMs: number): CampaignDevice | undefined {
  if (!isUnderWay(device) || device.attempt !== update.attempt || update.atMs < device.sinceMs) return undefined;
  const { stage, atMs } = update;
  const told = { ...device, stage, reason: update.reason.slice(0, MOST_REASON), sinceMs: atMs };
  switch (stage) {
    case 'succeeded': case 'cancelled': case 'superseded':
      return { ...told, place: stage };
    case 'failed':
      return failed(campaign, told, update, nowMs);
    default:
      return device.place === 'running' && device.stage === stage ? undefined : { ...told, place: 'running' };
  }
}

function failed(campaign: Campaign, device: CampaignDevice, update: UpdateStand, nowMs: number): CampaignDevice {
  if (update.failure === 'target') return { ...device, place: 'skipped' };
  const error = errorOf(update);
  const named = { ...device, error };
  const again = campaign.state === 'aborting' || isCampaignOver(campaign) ? undefined : tryAgain(campaign, named, error, nowMs);
  return again ?? { ...named, place: error === 'lost' ? 'lost' : 'failed' };
}

function errorOf({ failure = 'device', result = 0 }: UpdateStand): CampaignErrorClass {
  if (failure === 'target') return 'device';
  return failure === 'device' && result >= 2 && result <= 9 ? (`result-${result}` as CampaignErrorClass) : failure;
}

function tryAgain({ request: { retry } }: Campaign, device: CampaignDevice, error: CampaignErrorClass, nowMs: number): CampaignDevice | undefined {
  const policy = retry[error] ?? (error.startsWith('result-') ? retry.device : undefined);
  const tried = device.tries?.[error] ?? 0;
  if (policy === undefined || tried >= policy.times) return undefined;
  const againMs = stepOf(nowMs + policy.afterS * 1_000, policy.afterS * 1_000);
  return { ...device, place: 'retry', tries: { ...device.tries, [error]: tried + 1 }, againMs, reason: `${device.reason ?? ''}; tried again at ${new Date(againMs).toISOString()}` };
}

function stepOf(atMs: number, waitMs: number): number {
  const step = Math.max(1_000, Math.ceil(waitMs / STEPS / 1_000) * 1_000);
  return Math.ceil(atMs / step) * step;
}

/** How long a device is left alone that somebody else updates. */
const BUSY_MS = 60_000;

/** Another update is under way at the device: what was to begin waits for its end. */
export function busy(device: CampaignDevice, reason: string, nowMs: number): CampaignDevice {
  return { ...device, place: 'retry', attempt: device.attempt - 1, againMs: stepOf(nowMs + BUSY_MS, BUSY_MS), reason, sinceMs: nowMs };
}

/** The device at its end, for a reason that is not its update's. */
export function ended(device: CampaignDevice, place: 'skipped' | 'cancelled' | 'superseded' | 'unreachable', reason: string, nowMs: number): CampaignDevice {
  const { againMs: _, ...rest } = device;
  return { ...rest, place, reason, sinceMs: nowMs };
}

/** A device that was asleep and is heard; undefined: it is not waited for. */
export function woken(device: CampaignDevice, nowMs: number): CampaignDevice | undefined {
  if (device.place !== 'asleep') return undefined;
  const { reason: _, ...rest } = device;
  return { ...rest, place: 'woken', sinceMs: nowMs };
}

/** A device that was waited for long enough; undefined: it is not, or not yet. */
export function givenUp({ request: { waitForDeviceS } }: Campaign, device: CampaignDevice, nowMs: number): CampaignDevice | undefined {
  if (device.place !== 'asleep' || nowMs < (device.admittedMs ?? device.sinceMs) + waitForDeviceS * 1_000) return undefined;
  return ended(device, 'unreachable', `the device was neither awake nor registered for ${waitForDeviceS} s`, nowMs);
}

/** Whether what has not begun begins no more. */
export function isClosing({ state, request: { notAfter } }: Campaign, nowMs: number): boolean {
  return state === 'aborting' || (state === 'running' && notAfter !== undefined && nowMs >= Date.parse(notAfter));
}

/** What ends a device that has not begun, while its campaign ends; undefined: it may still begin. */
export function closed(campaign: Campaign, device: CampaignDevice, nowMs: number): CampaignDevice | undefined {
  if (hasEnded(device) || isUnderWay(device) || !isClosing(campaign, nowMs)) return undefined;
  if (campaign.state === 'aborting') return ended(device, 'cancelled', 'an operator aborted the campaign', nowMs);
  return ended(device, 'skipped', `it had not begun by ${campaign.request.notAfter ?? ''}`, nowMs);
}
