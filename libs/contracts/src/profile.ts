/** What an operator keeps for an endpoint: labels to select it by, and settings of how it is served. */
import { z } from 'zod';

/** As in Kubernetes: letters, digits, '-', '_', '.' and '/', beginning and ending with a letter or digit. */
const LABEL = /^[A-Za-z0-9](?:[A-Za-z0-9._/-]*[A-Za-z0-9])?$/;

export const MAX_LABELS = 32;
export const labelKey = z.string().max(63).regex(LABEL);
/** An empty value is one too. */
export const labelValue = z.string().max(63).regex(LABEL).or(z.literal(''));
export const labels = z
  .record(labelKey, labelValue)
  .refine((all) => Object.keys(all).length <= MAX_LABELS, `at most ${MAX_LABELS} labels`)
  .describe(`at most ${MAX_LABELS}; keys and values are 63 letters, digits, '-', '_', '.', '/' at most; a value may be empty`);
export type Labels = z.infer<typeof labels>;

export const deviceSettings = z.strictObject({
  ackTimeoutMs: z.number().int().min(100).max(120_000).optional().describe('ACK_TIMEOUT of requests to the device (RFC 7252 §4.8)'),
  maxRetransmit: z.number().int().min(0).max(10).optional().describe('MAX_RETRANSMIT; 0: no retransmission, where the network buffers: the request is sent once and waits for MAX_TRANSMIT_WAIT'),
  maxTransmitWaitS: z.number().int().min(1).max(86_400).optional().describe('MAX_TRANSMIT_WAIT: how long a device in queue mode listens after its message, and a request waits for its answer'),
  maxBytesPerDay: z.number().int().min(0).optional().describe('bytes to and from the device in a UTC day, datagrams whole; beyond them requests to it wait for the next day, and what it sends is taken'),
  muteSend: z.boolean().optional().describe('desired value of Mute Send (/1/x/23)'),
  networkIdentity: z.string().min(1).max(255).optional().describe('what the network is to tell of the device, e.g. its IMSI or MSISDN'),
});
export type DeviceSettings = z.infer<typeof deviceSettings>;

export interface DeviceProfile {
  readonly labels: Labels;
  readonly settings: DeviceSettings;
}
