/** One device of a campaign: where it stands and why. Pure; kept as text, see `DeviceMove`. */
import { partOf } from '@cluster/bytes';
import { campaignDeviceState, type CampaignDeviceState, type CampaignDeviceView, firmwareStage } from '@cluster/contracts';
import { z } from 'zod';
import { campaignUpdateId } from './update-id.ts';

/** `woken`: it was asleep; `starting`: its update is being begun, or was by a process that died. */
const place = z.enum([...campaignDeviceState.exclude(['retrying']).options, 'woken', 'retry', 'starting']);
export type CampaignPlace = z.infer<typeof place>;

const stored = z.object({
  /** Missing where its place says it all. */
  reason: z.string().optional(),
  sinceMs: z.number(),
  /** Its value of the label that caps are for. */
  cell: z.string().optional(),
  /** The wave in which it was begun, from 0, and when. */
  wave: z.number().int().optional(),
  admittedMs: z.number().optional(),
  /** Updates that were begun. */
  attempt: z.number().int(),
  /** How often it failed, by class of error. */
  tries: z.record(z.string(), z.number()).optional(),
  /** When it is begun again. */
  againMs: z.number().optional(),
  error: z.string().optional(),
  stage: firmwareStage.optional(),
});
export type CampaignDevice = z.infer<typeof stored> & { readonly place: CampaignPlace };

/** Devices that have not begun lie in so many buckets, by a hash of their names: each wave is a sample of all of them. */
const PARTS = 64;

/** Whether it takes one of the places that caps are for. */
export function isUnderWay({ place: at }: CampaignDevice): boolean {
  return at === 'starting' || at === 'running';
}

const OPEN: ReadonlySet<string> = new Set(['waiting', 'asleep', 'woken', 'held', 'retry', 'starting', 'running'] satisfies CampaignPlace[]);

export function hasEnded({ place: at }: Pick<CampaignDevice, 'place'>): boolean {
  return !OPEN.has(at);
}

/** The bucket that a device is counted and listed under: its place, with what it is looked for by. */
export function campaignBucketOf(endpoint: string, { place: at, cell = '', againMs = 0, error }: CampaignDevice): string {
  switch (at) {
    case 'waiting':
      return `waiting/${partOf(endpoint, PARTS)}`;
    case 'held': case 'starting': case 'running':
      return `${at}/${cell}`;
    case 'retry':
      return `retry/${againMs}`;
    case 'failed':
      return `failed/${error ?? ''}`;
    default:
      return at;
  }
}

/** What stands behind the slash of a bucket. */
export function detailOf(bucket: string): string {
  return bucket.slice(bucket.indexOf('/') + 1);
}

export function placeOf(bucket: string): CampaignPlace {
  return place.parse(bucket.split('/', 1)[0]);
}

export function encodeCampaignDevice(endpoint: string, device: CampaignDevice): string {
  const { place: _, ...rest } = device;
  return `${campaignBucketOf(endpoint, device)} ${JSON.stringify(rest)}`;
}

/** @throws what zod does, for what no version wrote */
export function decodeCampaignDevice(value: string): CampaignDevice {
  const space = value.indexOf(' ');
  return { ...stored.parse(JSON.parse(value.slice(space + 1))), place: placeOf(value.slice(0, space)) };
}

const STATES: Readonly<Partial<Record<CampaignPlace, CampaignDeviceState>>> = { woken: 'waiting', retry: 'retrying', starting: 'running' };

/** The state that devices at a place are shown in. */
export function stateOfPlace(at: CampaignPlace): CampaignDeviceState {
  return STATES[at] ?? (at as CampaignDeviceState);
}

const REASONS: Readonly<Partial<Record<CampaignPlace, string>>> = {
  waiting: 'its turn has not come', woken: 'the device is awake: its turn comes next', starting: 'its update is being begun',
};

/** The device as REST shows it. */
export function campaignDeviceView(campaign: string, endpoint: string, device: CampaignDevice): CampaignDeviceView {
  const { place: at, reason, sinceMs, cell, wave, attempt, stage, error } = device;
  return {
    endpoint, state: stateOfPlace(at), reason: reason ?? REASONS[at] ?? '', since: new Date(sinceMs).toISOString(), attempts: attempt,
    ...(cell === undefined ? {} : { label: cell }), ...(wave === undefined ? {} : { wave: wave + 1 }),
    ...(attempt === 0 ? {} : { update: campaignUpdateId(campaign, endpoint, attempt) }),
    ...(stage === undefined ? {} : { stage }), ...(error === undefined ? {} : { error }),
  };
}
