/** Events on Kafka: topics, CloudEvents types and the JSON of each value. */
import { z } from 'zod';
import { commandStatus } from './commands.ts';
import { resourceValue } from './values.ts';

export const topics = {
  registrations: 'lwm2m.registrations',
  notifications: 'lwm2m.notifications',
  sends: 'lwm2m.sends',
  commands: 'lwm2m.commands',
  commandResults: 'lwm2m.command-results',
} as const;
export type Topic = (typeof topics)[keyof typeof topics];

/** CloudEvents `type` of each event. */
export const eventTypes = {
  registered: 'lwm2m.registration.registered',
  updated: 'lwm2m.registration.updated',
  deregistered: 'lwm2m.registration.deregistered',
  expired: 'lwm2m.registration.expired',
  removed: 'lwm2m.registration.removed',
  notification: 'lwm2m.notification',
  notificationGap: 'lwm2m.notification.gap',
  send: 'lwm2m.send',
  commandResult: 'lwm2m.command.result',
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
});
export type RegistrationValue = z.infer<typeof registrationValue>;

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

export const commandResultValue = commandStatus.extend({ endpoint: z.string() });
export type CommandResultValue = z.infer<typeof commandResultValue>;
