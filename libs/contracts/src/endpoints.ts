/** REST views of devices: what the directory lists and what one endpoint shows. */
import { z } from 'zod';
import { attributes } from './commands.ts';
import { registrationValue } from './events.ts';
import { deviceSettings, labels } from './profile.ts';
import { endpointState } from './states.ts';
import { resourceValue } from './values.ts';

export const presenceState = z.enum(['awake', 'asleep', 'disabled', 'unknown']).describe('unknown: the endpoint is not registered');
export type PresenceState = z.infer<typeof presenceState>;

export const endpointSummary = z.object({
  endpoint: z.string(),
  state: endpointState,
  presence: presenceState,
  changedAt: z.string(),
  tenant: z.string(),
  labels: labels.optional().describe('missing where it has none'),
});
export type EndpointSummary = z.infer<typeof endpointSummary>;

export const endpointPage = z.object({ endpoints: z.array(endpointSummary), next: z.string().optional() });
export type EndpointPage = z.infer<typeof endpointPage>;

/** One observation of the desired state. */
export const desiredObservation = z.strictObject({
  path: z.string().optional(),
  paths: z.array(z.string()).min(1).max(200).optional(),
  accept: z.number().int().optional(),
  attributes: attributes.optional(),
});
export type DesiredObservation = z.infer<typeof desiredObservation>;

export const observationView = desiredObservation.extend({
  state: z.enum(['wanted', 'active', 'refused']),
  code: z.string().optional().describe("the device's code where it refused"),
  attributesCode: z.string().optional().describe("the device's code where it refused the attributes: it is observed without them"),
  from: z.string().optional().describe("the template that wants it, template:NAME; without: the endpoint's own list"),
});
export type ObservationView = z.infer<typeof observationView>;

/** How far the desired value of Mute Send (/1/x/23) is. */
export const muteSendView = z.object({
  desired: z.boolean().describe('`muteSend` of the settings: true, the device is to Send nothing'),
  state: z.enum(['wanted', 'active', 'refused']).describe('active: the device confirmed it in its present registration'),
  code: z.string().optional().describe("the device's code where it refused"),
  reason: z.string().optional().describe('why it was not even asked'),
});
export type MuteSendView = z.infer<typeof muteSendView>;

/** Whether the device can be reached. */
export const presenceView = z.object({
  state: presenceState,
  awakeUntil: z.string().optional().describe('queue mode: until when the device listens, or did; missing where it was heard since without a change of its stored state'),
  disabledUntil: z.string().optional().describe('when the Disable Timeout of a disabled device ends; with `unknown`, it has not come back in time'),
  lastHeard: z.string().optional().describe('the last message of the device that changed its stored state or brought a value; missing where there was none'),
});
export type PresenceView = z.infer<typeof presenceView>;

/** Without the fields of a registration where the endpoint never registered. */
export const endpointView = registrationValue.partial().extend({
  endpoint: z.string(),
  tenant: z.string(),
  state: endpointState,
  generation: z.number().int().describe('counts its registrations; 0: it never registered'),
  expiresAt: z.string().optional(),
  owner: z.string().optional().describe('worker that holds the path to the device'),
  presence: presenceView,
  queuedCommands: z.number().int(),
  observations: z.array(observationView),
  muteSend: muteSendView.optional().describe('missing where the settings say nothing'),
  labels,
  settings: deviceSettings,
});
export type EndpointView = z.infer<typeof endpointView>;

/** Last known value of a path. */
export const lastValue = resourceValue.extend({
  receivedAt: z.string(),
  source: z.enum(['notification', 'send', 'command']),
});
export type LastValue = z.infer<typeof lastValue>;

/** RFC 9457 problem document. */
export const problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.number().int(),
  detail: z.string().optional(),
  code: z.string().describe('stable, e.g. ENDPOINT_UNKNOWN'),
  faults: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
});
export type Problem = z.infer<typeof problem>;
