/** Campaigns of firmware: one package to many devices, in waves, within caps and windows, halted by a failure budget. */
import { z } from 'zod';
import { tenantName } from './access.ts';
import { firmwareRequest, firmwareStage, packageId } from './firmware.ts';
import { cursor, groupName, limit, selector } from './fleet.ts';

const time = z.iso.datetime({ offset: true });

/** How much of the campaign may have begun: so many devices, or such a part of all. */
export const campaignWave = z
  .strictObject({
    count: z.number().int().min(1).max(1_000_000).optional().describe('devices; of the first wave alone'),
    percent: z.number().gt(0).max(100).optional().describe('of all devices, those of the waves before included'),
    endedPercent: z.number().min(1).max(100).default(100).describe('the next wave may begin when so many of the devices have ended'),
    soakS: z.number().int().min(0).max(30 * 86_400).default(0).describe('and so long after that'),
    approval: z.boolean().default(false).describe('and then only when an operator approves it'),
  })
  .refine(({ count, percent }) => (count === undefined) !== (percent === undefined), 'give either count or percent');
export type CampaignWave = z.infer<typeof campaignWave>;

const clock = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'expected HH:MM');
export const weekday = z.enum(['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']);

/** When updates may begin, told by the clocks on the walls of a place. */
export const campaignWindow = z.strictObject({
  timeZone: z.string().min(1).max(64).default('UTC').describe('of the IANA database, e.g. Europe/Berlin'),
  days: z.array(weekday).min(1).max(7).optional().describe('on which it opens; all unless told'),
  from: clock,
  to: clock.describe('on the next day where it is before `from`'),
});
export type CampaignWindow = z.infer<typeof campaignWindow>;

/** Why an update failed. `result-N`: the device told Update Result N. */
export const campaignErrorClass = z.enum([
  'transport', 'timeout', 'lost', 'refused', 'device', 'unsupported', 'version',
  'result-2', 'result-3', 'result-4', 'result-5', 'result-6', 'result-7', 'result-8', 'result-9',
]);
export type CampaignErrorClass = z.infer<typeof campaignErrorClass>;

export const campaignRetry = z.strictObject({
  times: z.number().int().min(0).max(10),
  afterS: z.number().int().min(0).max(7 * 86_400).default(300),
});

const percent = z.number().min(0).max(100);
const bytesPerSecond = z.number().int().min(1).max(10 ** 12)
  .describe('each update that begins counts with the bytes of its package: the next one begins when they would have passed');
const atOnce = z.number().int().min(1).max(100_000);

export const campaignRequest = z.strictObject({
  package: packageId,
  target: z.union([z.strictObject({ group: groupName }), selector]),
  currentVersions: z.array(z.string().min(1).max(255)).min(1).max(100).optional()
    .describe('only devices that run one of these; the last known /3/0/3 tells, and the device itself before anything is sent'),
  waves: z.array(campaignWave).min(1).max(20).default([{ percent: 100, endedPercent: 100, soakS: 0, approval: false }]),
  maxConcurrent: atOnce.default(500).describe('devices that are updated at the same time'),
  bytesPerSecond: bytesPerSecond.optional(),
  perLabel: z.strictObject({
    label: z.string().min(1).max(63).describe('e.g. cell: the caps hold for the devices of each value'),
    maxConcurrent: atOnce.optional(),
    bytesPerSecond: bytesPerSecond.optional(),
  }).optional(),
  windows: z.array(campaignWindow).min(1).max(10).optional().describe('updates begin while one is open; those that have begun go on'),
  notBefore: time.optional(),
  notAfter: time.optional().describe('no update begins after it: devices that have not begun by then are skipped'),
  whenAwake: z.boolean().default(true).describe('a device in queue mode is begun when it is awake; until then it takes no place of others'),
  waitForDeviceS: z.number().int().min(60).max(90 * 86_400).default(7 * 86_400).describe('how long a device that is not awake or not registered is waited for'),
  budget: z.strictObject({
    failedPercent: percent.default(10).describe('of the devices that have begun, those that ended and did not succeed; more halts the campaign'),
    lostPercent: percent.default(5).describe('of them those that never came back from the installation'),
    minimum: z.number().int().min(1).max(1_000_000).default(20).describe('devices that must have ended before either is judged; at the end of a wave all are'),
  }).default({ failedPercent: 10, lostPercent: 5, minimum: 20 }),
  retry: z.partialRecord(campaignErrorClass, campaignRetry).default({ transport: { times: 2, afterS: 300 } })
    .describe('by class of error; `device` for each Update Result that is not named'),
  supersede: z.boolean().default(false).describe('takes devices over from other campaigns and updates'),
  delivery: firmwareRequest.shape.delivery,
  force: firmwareRequest.shape.force,
  downloadTimeoutS: firmwareRequest.shape.downloadTimeoutS,
  updateTimeoutS: firmwareRequest.shape.updateTimeoutS,
  idempotencyKey: z.string().min(1).max(128).optional().describe('a campaign with a key seen before is not started again, and is refused where it is another one'),
});
export type CampaignRequest = z.infer<typeof campaignRequest>;

export const campaignState = z.enum(['running', 'paused', 'awaiting-approval', 'halted', 'aborting', 'aborted', 'done']);
export type CampaignState = z.infer<typeof campaignState>;

/** `waiting` has not begun; `asleep` is not awake or not registered; `held`: its label's cap is reached. The last seven are ends. */
export const campaignDeviceState = z.enum([
  'waiting', 'asleep', 'held', 'retrying', 'running', 'succeeded', 'failed', 'lost', 'unreachable', 'skipped', 'cancelled', 'superseded',
]);
export type CampaignDeviceState = z.infer<typeof campaignDeviceState>;

const many = z.number().int();
export const campaignCounts = z.object({
  targets: many.describe('devices that were selected so far'),
  waiting: many.describe('have not begun'),
  asleep: many.describe('are begun when they are awake and registered'),
  held: many.describe('wait for a place among the devices of their label'),
  retrying: many.describe('failed, and are begun again'),
  running: many,
  succeeded: many,
  failed: z.record(z.string(), many).describe('by class of error'),
  lost: many.describe('never came back from the installation'),
  unreachable: many.describe('were not awake in all the time that they were waited for'),
  skipped: many.describe('run another version than those selected, do not fit the package, or belong to another campaign'),
  cancelled: many,
  superseded: many.describe('another campaign or update took them over'),
});
export type CampaignCounts = z.infer<typeof campaignCounts>;

export const campaignView = z.object({
  id: z.string(),
  state: campaignState,
  reason: z.string().describe('why it stands where it stands'),
  tenant: tenantName.optional().describe('whose it is; missing: it selects among the endpoints of all tenants'),
  package: packageId,
  version: z.string(),
  group: z.string().optional(),
  selector,
  request: campaignRequest.omit({ package: true, target: true, idempotencyKey: true }),
  wave: many.describe('the wave that is under way, from 1'),
  createdAt: z.string(),
  finishedAt: z.string().optional(),
  selecting: z.boolean().describe('devices are still being selected; nothing begins before all are'),
  counts: campaignCounts,
});
export type CampaignView = z.infer<typeof campaignView>;

export const campaignPage = z.object({ campaigns: z.array(campaignView), next: z.string().optional() });
export type CampaignPage = z.infer<typeof campaignPage>;

export const campaignDevice = z.object({
  endpoint: z.string(),
  state: campaignDeviceState,
  reason: z.string().describe('why it stands where it stands'),
  since: z.string(),
  label: z.string().optional().describe('its value of the label that caps are for'),
  wave: many.optional().describe('in which it was begun'),
  attempts: many.describe('updates that were begun'),
  update: z.string().optional().describe('id of the last of them: see /endpoints/{endpoint}/firmware'),
  stage: firmwareStage.optional().describe('where that update stands'),
  error: z.string().optional().describe('class of error that the last attempt ended with'),
});
export type CampaignDeviceView = z.infer<typeof campaignDevice>;
export const campaignDevicePage = z.object({ devices: z.array(campaignDevice), next: z.string().optional() });
export type CampaignDevicePage = z.infer<typeof campaignDevicePage>;

export const campaignDevicesQuery = z.strictObject({ limit, cursor, state: campaignDeviceState.optional().describe('only devices in this state') });
export type CampaignDevicesQuery = z.infer<typeof campaignDevicesQuery>;
