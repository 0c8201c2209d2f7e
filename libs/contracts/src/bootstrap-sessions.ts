/** Bootstrap sessions as the flight recorder tells them: each request, answer, time and the outcome. No secret is in them. */
import { z } from 'zod';
import { tenantName } from './access.ts';
import { limit, cursor } from './fleet.ts';
import { jsonValue } from './values.ts';

/** `replaced`: the device asked again before the session was over. `cut`: its process ended, and nobody told how the session went on. */
export const bootstrapOutcome = z.enum(['running', 'finished', 'failed', 'replaced', 'cut']);
export type BootstrapOutcome = z.infer<typeof bootstrapOutcome>;

/** Why a session failed, or never began. */
export const bootstrapFailure = z.enum([
  'malformed', 'unknown-endpoint', 'wrong-identity', 'no-configuration', 'quarantined', 'no-answer', 'reset', 'too-late',
  'discover-refused', 'delete-refused', 'write-refused', 'write-impossible', 'finish-refused', 'inconsistent', 'exchange-failed',
  'enrolment-refused',
]);
export type BootstrapFailure = z.infer<typeof bootstrapFailure>;

export const bootstrapStep = z.object({
  operation: z.enum(['request', 'pack', 'discover', 'delete', 'write', 'read', 'finish', 'enrol']),
  path: z.string(),
  sentAt: z.string().describe('when it left; of the first step, the request of the device, when it came'),
  answeredAt: z.string().optional(),
  code: z.string().optional().describe('CoAP code of the answer; missing where none came'),
  contentFormat: z.number().optional(),
  bytes: z.number().optional().describe('of the payload, sent or read'),
  values: z.array(z.object({ path: z.string(), value: jsonValue })).optional().describe('what was written or read; opaque values and secrets are left out as "…"'),
  instances: z.array(z.string()).optional().describe('what Bootstrap-Discover showed'),
  detail: z.string().optional().describe('what was wrong'),
});
export type BootstrapStep = z.infer<typeof bootstrapStep>;

export const bootstrapSessionSummary = z.object({
  id: z.string(),
  endpoint: z.string(),
  tenant: tenantName.optional().describe('whose the device is; missing where nobody is known to have asked'),
  outcome: bootstrapOutcome,
  reason: bootstrapFailure.optional(),
  detail: z.string().optional(),
  startedAt: z.string(),
  endedAt: z.string().optional(),
  address: z.string().describe("the peer's transport and address, e.g. dtls:192.0.2.7:40123"),
  identity: z.string().optional().describe('kind and version of the credential that the device proved itself with; missing without security'),
  configuration: z.string().optional(),
  revision: z.number().optional(),
  lwm2mVersion: z.string().optional().describe("the client's enabler, as far as it told"),
});
export type BootstrapSessionSummary = z.infer<typeof bootstrapSessionSummary>;

export const bootstrapSessionView = bootstrapSessionSummary.extend({ steps: z.array(bootstrapStep) });
export type BootstrapSessionView = z.infer<typeof bootstrapSessionView>;

export const bootstrapSessionPage = z.object({
  sessions: z.array(bootstrapSessionSummary).describe('the newest first'),
  next: z.string().optional().describe('the cursor of the next page; missing on the last'),
});
export type BootstrapSessionPage = z.infer<typeof bootstrapSessionPage>;

export const bootstrapSessionList = z.array(bootstrapSessionView);

export const bootstrapSessionsQuery = z.strictObject({
  limit, cursor, outcome: bootstrapOutcome.optional().describe('only sessions that ended so; `running`: only those under way, which are listed nowhere else'),
});
export type BootstrapSessionsQuery = z.infer<typeof bootstrapSessionsQuery>;

/**
 * Where a bootstrap stands that was asked for: `waiting` for the device to take the Execute of /1/x/9, `asked`: it took it,
 * `bootstrapped`: its session is finished, `done`: it has registered since, `failed`: `detail` says why.
 */
export const bootstrapTrigger = z.object({
  state: z.enum(['waiting', 'asked', 'bootstrapped', 'done', 'failed']),
  requestedAt: z.string(),
  commandId: z.string().describe('the command that carries it'),
  sessionId: z.string().optional().describe('the bootstrap session that followed'),
  registeredAt: z.string().optional(),
  detail: z.string().optional(),
});
export type BootstrapTrigger = z.infer<typeof bootstrapTrigger>;
