/** Groups of endpoints, and jobs: the same commands to each endpoint of a group, tracked as one. */
import { z } from 'zod';
import { tenantName } from './access.ts';
import { commandRequest } from './commands.ts';
import { labels } from './profile.ts';

/** Which endpoints; all that is given must hold. */
export const selector = z
  .strictObject({
    endpoints: z.array(z.string().min(1).max(1_024)).min(1).max(1_000).optional().describe('these endpoints'),
    endpointPattern: z.string().min(1).max(255).optional().describe('endpoints whose name matches: * stands for any text, ? for one character'),
    labels: labels.optional().describe('endpoints with all of these labels'),
    object: z.string().regex(/^\/(0|[1-9]\d{0,4})$/, 'expected an object path, e.g. /3303').optional().describe('endpoints that registered this object'),
  })
  .refine((given) => Object.keys(given).length > 0, 'name at least one of endpoints, endpointPattern, labels, object');
export type Selector = z.infer<typeof selector>;

export const groupName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, "expected up to 63 letters, digits, '.', '_', '-'");
/** Whose it is, where a caller of one tenant made it: it selects among that tenant's endpoints alone. */
const owner = tenantName.optional().describe('whose it is; missing: it selects among the endpoints of all tenants');

export const group = z.object({ name: groupName, tenant: owner, selector });
export type Group = z.infer<typeof group>;
export const groupList = z.array(group).describe('in order of their names');

export const groupMembers = z.object({ endpoints: z.array(z.string()), next: z.string().optional() });
export type GroupMembers = z.infer<typeof groupMembers>;

/** A command of a job: its keys are the job's own. */
export const jobCommand = commandRequest.omit({ idempotencyKey: true, ttlS: true });

/** A job's record is read at each of its steps. */
const MAX_COMMANDS_CHARACTERS = 65_536;

export const jobRequest = z.strictObject({
  target: z.union([z.strictObject({ group: groupName }), selector]),
  commands: z.array(jobCommand).min(1).max(8).refine((all) => JSON.stringify(all).length <= MAX_COMMANDS_CHARACTERS, `at most ${MAX_COMMANDS_CHARACTERS} characters of JSON`).describe('carried out in this order at each device; the first without a 2.xx answer is its last'),
  ratePerSecond: z.number().min(0.1).max(10_000).default(100).describe('devices that get a command each second'),
  maxInFlight: z.number().int().min(1).max(100_000).default(1_000).describe('devices whose command has not ended, at the same time; those that are `away` do not count'),
  ttlS: z.number().int().min(1).max(30 * 86_400).default(86_400).describe('how long each command may wait for its device'),
  idempotencyKey: z.string().min(1).max(128).optional().describe('a job with a key seen before is not started again, and is refused where it is another one'),
});
export type JobRequest = z.infer<typeof jobRequest>;

export const jobState = z.enum(['running', 'paused', 'cancelling', 'cancelled', 'done']);
export type JobState = z.infer<typeof jobState>;

export const jobCounts = z.object({
  targets: z.number().int().describe('devices that were selected so far'),
  waiting: z.number().int().describe('have no command in their queue yet, or none of the next step'),
  open: z.number().int().describe('the command is in the queue of the device, or in flight'),
  away: z.number().int().describe('of those that are open: the command can not leave now, because the device sleeps, is not registered, did not answer, or has spent its bytes of the day; they do not count for `maxInFlight`'),
  done: z.record(z.string(), z.number().int()).describe('by the CoAP code of the last answer'),
  expired: z.number().int(),
  cancelled: z.number().int(),
  outcomeUnknown: z.number().int(),
  refused: z.record(z.string(), z.number().int()).describe('not taken, by the code of the problem: QUEUE_FULL, ENDPOINT_UNKNOWN'),
});
export type JobCounts = z.infer<typeof jobCounts>;

export const jobView = z.object({
  id: z.string(),
  state: jobState,
  tenant: owner,
  group: z.string().optional(),
  selector,
  commands: z.array(jobCommand),
  ratePerSecond: z.number(),
  maxInFlight: z.number().int(),
  ttlS: z.number().int(),
  createdAt: z.string(),
  finishedAt: z.string().optional(),
  selecting: z.boolean().describe('targets are still being selected'),
  counts: jobCounts,
});
export type JobView = z.infer<typeof jobView>;

export const jobPage = z.object({ jobs: z.array(jobView), next: z.string().optional() });
export type JobPage = z.infer<typeof jobPage>;

export const jobDeviceState = z.enum(['waiting', 'open', 'done', 'expired', 'cancelled', 'outcome-unknown', 'refused']);
export type JobDeviceState = z.infer<typeof jobDeviceState>;

export const jobDevice = z.object({
  endpoint: z.string(),
  state: jobDeviceState,
  step: z.number().int().describe('the command that it stands at: its place in `commands`, from 0'),
  commandId: z.string().optional().describe('of that command, once it was queued: see /endpoints/{endpoint}/commands'),
  code: z.string().optional().describe('CoAP code, or why it was refused'),
  since: z.string(),
});
export type JobDeviceView = z.infer<typeof jobDevice>;
export const jobDevicePage = z.object({ devices: z.array(jobDevice), next: z.string().optional() });
export type JobDevicePage = z.infer<typeof jobDevicePage>;

export const limit = z.coerce.number().int().min(1).max(1_000).default(100);
export const cursor = z.base64url().min(1).max(2_048).optional().describe('`next` of the page before');
export const pageQuery = z.strictObject({ limit, cursor });
export type PageQuery = z.infer<typeof pageQuery>;
export const jobDevicesQuery = z.strictObject({ limit, cursor, state: jobDeviceState.optional().describe('only devices in this state') });
export type JobDevicesQuery = z.infer<typeof jobDevicesQuery>;
