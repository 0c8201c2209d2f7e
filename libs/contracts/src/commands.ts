/** Commands to devices: the REST body, the stored state and what comes back. */
import { z } from 'zod';
import { jsonValue, resourceValue, valueType } from './values.ts';

export const operation = z.enum([
  'read', 'write', 'write-partial', 'execute', 'create', 'delete', 'discover', 'write-attributes', 'observe',
  'cancel-observe', 'read-composite', 'write-composite', 'observe-composite', 'cancel-observe-composite',
]);
export type Operation = z.infer<typeof operation>;

/** A value to be written; `type` overrides what the object model says, and is needed where it says nothing. */
export const writeValue = z.object({ path: z.string(), value: jsonValue, type: valueType.optional() });
export type WriteValue = z.infer<typeof writeValue>;

/** Keys of OMA LwM2M Core 1.2 §5.1.2; null unsets the attribute. */
export const attributes = z.strictObject({
  pmin: z.number().int().min(0).nullable().optional(),
  pmax: z.number().int().min(0).nullable().optional(),
  gt: z.number().nullable().optional(),
  lt: z.number().nullable().optional(),
  st: z.number().positive().nullable().optional(),
  epmin: z.number().int().min(0).nullable().optional(),
  epmax: z.number().int().min(0).nullable().optional(),
  edge: z.union([z.literal(0), z.literal(1)]).nullable().optional(),
  con: z.union([z.literal(0), z.literal(1)]).nullable().optional(),
  hqmax: z.number().int().min(0).nullable().optional(),
});
export type Attributes = z.infer<typeof attributes>;

/** What an operator asks of one device. Path and value rules that need the object model are checked by `@cluster/lwm2m`. */
export const commandRequest = z.strictObject({
  op: operation,
  path: z.string().max(255).optional(),
  paths: z.array(z.string().max(255)).min(1).max(200).optional(),
  value: jsonValue.optional(),
  values: z.array(writeValue).min(1).max(1_000).optional(),
  payloadBase64: z.base64().max(1_400_000).optional(),
  package: z.string().regex(/^[\w-]{22}$/, 'expected the id of a package').optional()
    .describe('write to a resource: the bytes of an uploaded package, block by block; only its id waits in the queue'),
  contentFormat: z.number().int().min(0).max(65_535).optional(),
  accept: z.number().int().min(0).max(65_535).optional(),
  attributes: attributes.optional(),
  arguments: z.string().max(1_024).optional().describe("Execute's arguments, e.g. 0='reset',5"),
  ttlS: z.number().int().min(1).max(30 * 86_400).optional(),
  priority: z.number().int().min(0).max(9).optional().describe('9 goes first; 5 unless told'),
  supersede: z.string().max(64).optional(),
  repeatable: z.boolean().optional(),
  idempotencyKey: z.string().min(1).max(128).optional(),
});
export type CommandRequest = z.infer<typeof commandRequest>;

export const commandState = z.enum(['queued', 'in-flight', 'done', 'expired', 'cancelled', 'outcome-unknown']);
export type CommandState = z.infer<typeof commandState>;

/** The device's own answer. `code` is the CoAP code, also when it is an error code: the command is done then too. */
export const commandResponse = z.object({
  code: z.string().describe('CoAP code, e.g. 2.05'),
  contentFormat: z.number().optional(),
  payloadBase64: z.string().optional(),
  values: z.array(resourceValue).optional(),
  links: z.string().optional().describe('Discover: the link-format text'),
  location: z.string().optional().describe('Create: path of the new instance'),
  decodeError: z.string().optional().describe('why the payload could not be decoded'),
  rttMs: z.number().optional(),
});
export type CommandResponse = z.infer<typeof commandResponse>;

export const commandStatus = z.object({
  id: z.string(),
  op: operation,
  path: z.string().optional(),
  paths: z.array(z.string()).optional(),
  state: commandState,
  attempts: z.number().int(),
  acceptedAt: z.string(),
  finishedAt: z.string().optional(),
  correlation: z.string().optional().describe('id of the event that brought the command, where it came by Kafka'),
  correlationSource: z.string().optional().describe('source of that event'),
  waitsFor: z.string().optional().describe('what a queued command waits for: registration, device-message, earlier-command, worker, byte-quota (the next UTC day)'),
  reason: z.string().optional().describe('why it ended without an answer of the device'),
  response: commandResponse.optional(),
});
export type CommandStatus = z.infer<typeof commandStatus>;
