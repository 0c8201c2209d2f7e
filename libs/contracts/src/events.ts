/** Events on Kafka: topics, CloudEvents types and the JSON of each value. */
import { z } from 'zod';
import { bootstrapSessionSummary } from './bootstrap-sessions.ts';
import { certificateSerial, issuedCertificateView } from './pki.ts';
import { commandRequest, commandStatus, operation } from './commands.ts';
import { deviceSettings, labels } from './profile.ts';
import { endpointState } from './states.ts';
import { resourceValue } from './values.ts';

export const topics = {
  registrations: 'lwm2m.registrations',
  notifications: 'lwm2m.notifications',
  sends: 'lwm2m.sends',
  commands: 'lwm2m.commands',
  commandResults: 'lwm2m.command-results',
  /** Keyed by the id of the job, which stands where other events have the endpoint. */
  jobs: 'lwm2m.jobs',
  /** Keyed by the endpoint that a request was about, else by its caller. */
  audit: 'lwm2m.audit',
  /** Keyed by the endpoint, and what is told of a campaign by its id. */
  firmware: 'lwm2m.firmware',
  bootstrap: 'lwm2m.bootstrap',
} as const;
export type Topic = (typeof topics)[keyof typeof topics];

/** CloudEvents `type` of each event. */
export const eventTypes = {
  registered: 'lwm2m.registration.registered',
  updated: 'lwm2m.registration.updated',
  deregistered: 'lwm2m.registration.deregistered',
  expired: 'lwm2m.registration.expired',
  removed: 'lwm2m.registration.removed',
  endpointChanged: 'lwm2m.endpoint.changed',
  awake: 'lwm2m.presence.awake',
  asleep: 'lwm2m.presence.asleep',
  disabled: 'lwm2m.endpoint.disabled',
  overdue: 'lwm2m.endpoint.overdue',
  jobChanged: 'lwm2m.job.changed',
  audited: 'lwm2m.audit.request',
  firmwareChanged: 'lwm2m.firmware.changed',
  campaignChanged: 'lwm2m.firmware.campaign.changed',
  softwareChanged: 'lwm2m.software.changed',
  notification: 'lwm2m.notification',
  notificationGap: 'lwm2m.notification.gap',
  send: 'lwm2m.send',
  commandResult: 'lwm2m.command.result',
  bootstrapEnded: 'lwm2m.bootstrap.ended',
  certificateIssued: 'lwm2m.bootstrap.certificate.issued',
  certificateRenewed: 'lwm2m.bootstrap.certificate.renewed',
  certificateRevoked: 'lwm2m.bootstrap.certificate.revoked',
  certificateDue: 'lwm2m.bootstrap.certificate.due',
} as const;
export type EventType = (typeof eventTypes)[keyof typeof eventTypes];

export const registrationValue = z.object({
  endpoint: z.string(),
  registrationId: z.string().describe('the location id: /rd/{registrationId}'),
  registeredAt: z.string(),
  updatedAt: z.string(),
  lifetimeS: z.number(),
  lwm2mVersion: z.string(),
  binding: z.string(),
  queueMode: z.boolean(),
  smsNumber: z.string().optional(),
  address: z.string().describe("the peer's transport and address, e.g. udp:192.0.2.7:40123"),
  rootPath: z.string(),
  objectLinks: z.array(z.object({ path: z.string(), version: z.string().optional() })),
  contentFormats: z.array(z.number()),
  attributes: z.record(z.string(), z.string()),
  disabledUntil: z.string().optional().describe('the device was disabled (/1/x/4) and is to come back by then'),
});
export type RegistrationValue = z.infer<typeof registrationValue>;

/** What an operator keeps for an endpoint, whole, after it changed. */
export const endpointChangedValue = z.object({
  endpoint: z.string(),
  state: endpointState,
  stateAt: z.string().describe('since when the state is known: the last Register or Update, or when it was prepared or removed'),
  labels,
  settings: deviceSettings,
});
export type EndpointChangedValue = z.infer<typeof endpointChangedValue>;

/** Told when a queue-mode device falls asleep, and when it is heard again. */
export const presenceValue = z.object({
  endpoint: z.string(),
  registrationId: z.string(),
  state: z.enum(['awake', 'asleep']),
  since: z.string(),
  lastHeard: z.string().describe('the last message of the device that the event knows of'),
});
export type PresenceValue = z.infer<typeof presenceValue>;

/** Told when a device was disabled by Execute /1/x/4, and when it has not come back in time. */
export const endpointDisabledValue = z.object({
  endpoint: z.string(),
  registrationId: z.string(),
  state: z.enum(['disabled', 'overdue']),
  since: z.string(),
  until: z.string().describe('when its Disable Timeout ends'),
});
export type EndpointDisabledValue = z.infer<typeof endpointDisabledValue>;

/** Value of lwm2m.notifications and lwm2m.sends. */
export const reportValue = z.object({
  endpoint: z.string(),
  registrationId: z.string(),
  paths: z.array(z.string()).describe('what was observed; empty for Send'),
  observe: z.number().optional().describe('RFC 7641 sequence value'),
  outOfOrder: z.boolean().optional().describe('a newer notification of this observation was told before (RFC 7641 §3.4)'),
  receivedAt: z.string(),
  contentFormat: z.number().optional(),
  values: z.array(resourceValue),
  code: z.string().optional().describe('CoAP code of a notification that ends its observation'),
  decodeError: z.string().optional(),
  payloadBase64: z.string().optional().describe('the raw payload, where it was asked for or could not be decoded'),
});
export type ReportValue = z.infer<typeof reportValue>;

/** Told when notifications were refused for so long that a device may have dropped some. */
export const notificationGapValue = z.object({
  endpoint: z.string(),
  registrationId: z.string(),
  from: z.string(),
  to: z.string(),
  paths: z.array(z.string()),
});
export type NotificationGapValue = z.infer<typeof notificationGapValue>;

/** A request that changed or commanded something, or was refused for want of a grant. */
export const auditValue = z.object({
  at: z.string(),
  caller: z.string().describe('key:NAME, token:SUBJECT, anybody where nobody is asked, unknown where the caller showed nothing that holds'),
  method: z.string(),
  route: z.string().describe('as the OpenAPI document names it'),
  parameters: z.record(z.string(), z.string()).describe('what stood in the place of the names in the route'),
  from: z.string().describe('address that the request came from'),
  status: z.number().int(),
  commands: z.array(z.object({ op: z.string(), path: z.string().optional(), paths: z.array(z.string()).optional() })).optional()
    .describe('operations and paths that were asked for; never values'),
});
export type AuditValue = z.infer<typeof auditValue>;

/** CloudEvents `type` of what callers write to lwm2m.commands. */
export const commandEventType = 'lwm2m.command';

/** Value of lwm2m.commands: what REST takes, and the endpoint that it is for, which is the record's key too. */
export const commandValue = commandRequest.extend({ endpoint: z.string().min(1).max(1_024) });
export type CommandValue = z.infer<typeof commandValue>;

/** Why a command from Kafka was not queued. */
export const rejectionCode = z.enum([
  'COMMAND_UNREADABLE', 'COMMAND_MALFORMED', 'COMMAND_REPEATED', 'ENDPOINT_UNKNOWN', 'QUEUE_FULL', 'TENANT_QUEUE_FULL',
  'UNAUTHENTICATED', 'ACCESS_DENIED', 'INTERNAL',
]);
export type RejectionCode = z.infer<typeof rejectionCode>;

/** Told of a command from Kafka that was not queued. */
export const commandRejection = z.object({
  endpoint: z.string(),
  state: z.literal('rejected'),
  code: rejectionCode,
  reason: z.string(),
  faults: z.array(z.object({ path: z.string(), message: z.string() })).optional().describe('what is malformed'),
  id: z.string().optional().describe('COMMAND_REPEATED: the command that is queued under this idempotency key'),
  op: operation.optional(),
  correlation: z.string().optional().describe('id of the event that asked for it'),
  correlationSource: z.string().optional().describe('source of that event'),
});
export type CommandRejection = z.infer<typeof commandRejection>;

/** Value of lwm2m.command-results: the end of a command, or why it was not taken. */
export const commandResultValue = z.union([commandStatus.extend({ endpoint: z.string() }), commandRejection]);
export type CommandResultValue = z.infer<typeof commandResultValue>;

/** Value of lwm2m.bootstrap: a bootstrap session that is over. */
export const bootstrapEndedValue = bootstrapSessionSummary;
export type BootstrapEndedValue = z.infer<typeof bootstrapEndedValue>;

/** Why a device whose certificate is due was asked to renew it, or was not. */
export const renewalState = z.enum(['asked', 'off', 'authority-ends', 'unknown-endpoint', 'not-registered', 'no-server-instance', 'no-account', 'queue-full']);
export type RenewalState = z.infer<typeof renewalState>;

/** Value of lwm2m.bootstrap: what became of a certificate that the authority issued to a device. */
export const certificateValue = z.object({
  ...issuedCertificateView.pick({ endpoint: true, serial: true, sha256: true, notBefore: true, notAfter: true, revokedAt: true, reason: true }).shape,
  replaces: certificateSerial.optional().describe('renewed: the certificate before it, which ends when the device registers with this one'),
  renewal: renewalState.optional().describe('due: whether the device was asked to renew it, or why not'),
  commandId: z.string().optional().describe('due: the Execute of /1/x/9 that asks it'),
});
export type CertificateValue = z.infer<typeof certificateValue>;
