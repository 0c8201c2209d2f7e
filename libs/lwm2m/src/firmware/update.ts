/** The update of one device as it is stored: enough for any process to go on with it after another one died. */
import { firmwareRequest, firmwareStage, firmwareTarget, packageId } from '@cluster/contracts';
import { z } from 'zod';
import { kept } from './keep.ts';
import { lookDueMs, progressFields } from './progress.ts';

/** What the server asks of the device, one at a time. */
const firmwareAction = z.enum([
  'observe', 'look', 'identify', 'reset-uri', 'reset-package', 'push', 'send-uri', 'update', 'version', 'cancel', 'forget',
  'export', 'recall', 'restore',
]);
export type FirmwareAction = z.infer<typeof firmwareAction>;

const deviceFacts = z.object({
  state: z.number().optional(),
  result: z.number().optional(),
  /** When the device told its state or result last. */
  atMs: z.number(),
  /** Values of /5/0/8, of /5/0/9, and of /3/0. */
  protocols: z.array(z.number()).optional(),
  method: z.number().optional(),
  manufacturer: z.string().optional(),
  model: z.string().optional(),
  hardwareVersion: z.string().optional(),
  version: z.string().optional(),
});
export type DeviceFacts = z.infer<typeof deviceFacts>;

const firmwareUpdate = z.object({
  ...progressFields(firmwareStage, firmwareAction),
  package: z.object({ id: packageId, version: z.string(), target: firmwareTarget }),
  delivery: firmwareRequest.shape.delivery,
  force: z.boolean(),
  /** It is only for devices that run one of these. */
  fromVersions: z.array(z.string()).optional(),
  downloadTimeoutMs: z.number(),
  updateTimeoutMs: z.number(),
  /** Version of object 5 at the device. */
  objectVersion: z.string(),
  /** The device registered by DTLS. */
  secure: z.boolean(),
  device: deviceFacts,
  identified: z.boolean(),
  /** How the package goes to the device, with the protocol of /5/0/8 where it is pulled. */
  by: z.object({ method: z.enum(['push', 'pull']), protocol: z.number().optional() }).optional(),
  /** A result of earlier times, which the device did not take back. */
  staleResult: z.number().optional(),
  keep: kept.optional(),
  tries: z.object({ resets: z.number(), deliveries: z.number(), executions: z.number(), cancels: z.number() }),
});
export type FirmwareUpdate = z.infer<typeof firmwareUpdate>;
export type FirmwareTransition = FirmwareUpdate['untold'][number];

/** A stored update that this version cannot read. */
export class FirmwareUpdateUnreadable extends Error {
  readonly code = 'FIRMWARE_UPDATE_UNREADABLE';
}

export function encodeUpdate(update: FirmwareUpdate): string {
  return JSON.stringify(update);
}

/** @throws {FirmwareUpdateUnreadable} */
export function decodeUpdate(record: string): FirmwareUpdate {
  try {
    return firmwareUpdate.parse(JSON.parse(record));
  } catch (cause) {
    throw new FirmwareUpdateUnreadable('a firmware update can not be read', { cause });
  }
}

const INSTALLING: ReadonlySet<FirmwareUpdate['stage']> = new Set(['updating', 'verifying', 'restoring']);

/** Whether the device is, or may be, installing: nobody can stop it then. */
export function isInstalling({ stage, out }: Pick<FirmwareUpdate, 'stage' | 'out'>): boolean {
  return INSTALLING.has(stage) || out?.action === 'update';
}

/** When an update is given up, whatever was heard. */
export function limitMs({ stage, sinceMs, startedAtMs, downloadTimeoutMs, updateTimeoutMs }: FirmwareUpdate): number {
  if (INSTALLING.has(stage)) return sinceMs + updateTimeoutMs;
  return (stage === 'cancelling' ? sinceMs : startedAtMs) + downloadTimeoutMs;
}

/** When the update is to be looked at next; undefined: never. */
export function dueMs(update: FirmwareUpdate): number | undefined {
  return lookDueMs(update, limitMs(update));
}
