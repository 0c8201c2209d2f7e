/** Firmware packages and updates: what REST takes, what it shows, and what events tell. */
import { z } from 'zod';
import { cursor, limit } from './fleet.ts';

/** Where the update of a device stands. The last four are ends. */
export const firmwareStage = z.enum([
  'inquiring', 'resetting', 'delivering', 'downloading', 'downloaded', 'keeping', 'updating', 'verifying', 'restoring', 'cancelling',
  'succeeded', 'failed', 'cancelled', 'superseded',
]);
export type FirmwareStage = z.infer<typeof firmwareStage>;

/** Why an update failed: what a campaign decides on when it is tried again. `lost`: it never came back from the installation. */
export const firmwareFailure = z.enum(['unsupported', 'target', 'refused', 'device', 'transport', 'timeout', 'lost', 'version']);
export type FirmwareFailure = z.infer<typeof firmwareFailure>;

/** Which devices a package is for, compared with /3/0/0, /3/0/1 and /3/0/18; what is left out is not compared. */
export const firmwareTarget = z.strictObject({
  manufacturer: z.string().min(1).max(255).optional(),
  model: z.string().min(1).max(255).optional(),
  hardwareVersion: z.string().min(1).max(255).optional(),
});
export type FirmwareTarget = z.infer<typeof firmwareTarget>;

export const packageId = z.string().regex(/^[\w-]{22}$/, 'expected the id of a package');

/** A detached signature over the bytes of the package. ECDSA signs their SHA-256, in DER. */
export const packageSignature = z.strictObject({
  algorithm: z.enum(['ed25519', 'ecdsa-p256-sha256']),
  keyId: z.string().min(1).max(64).describe('the configured public key that it is checked with'),
  signatureBase64: z.base64().max(1_024),
});
export type PackageSignature = z.infer<typeof packageSignature>;

/** Largest package: a body of 2^20 blocks of 1 KiB. RFC 7959 §2.2 */
export const MAX_PACKAGE_BYTES = 2 ** 30;

/** What is told of a package before its bytes are sent. */
export const packageRequest = z.strictObject({
  version: z.string().min(1).max(255).describe('what /3/0/3 says once it runs, character for character'),
  name: z.string().max(255).optional(),
  size: z.number().int().min(1).max(MAX_PACKAGE_BYTES).describe('bytes'),
  sha256: z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 lower-case hexadecimal digits'),
  target: firmwareTarget.optional(),
  signature: packageSignature.optional(),
});
export type PackageRequest = z.infer<typeof packageRequest>;

export const packageView = z.object({
  id: packageId,
  state: z.enum(['uploading', 'ready']),
  version: z.string(),
  name: z.string().optional(),
  size: z.number(),
  received: z.number().describe('bytes that are stored: where an upload goes on'),
  sha256: z.string(),
  target: firmwareTarget,
  signature: packageSignature.pick({ algorithm: true, keyId: true }).optional(),
  createdAt: z.string(),
});
export type PackageView = z.infer<typeof packageView>;

/** Objects whose configuration can be exported before an update and restored after it. */
export const firmwareKeep = z.enum(['/1', '/2', '/10', '/11']);
export type FirmwareKeep = z.infer<typeof firmwareKeep>;

/** The package that a device should have. */
export const firmwareRequest = z.strictObject({
  package: packageId,
  delivery: z.enum(['auto', 'push', 'pull']).default('auto'),
  force: z.boolean().default(false).describe('also where the device says that it has this version already'),
  downloadTimeoutS: z.number().int().min(10).max(30 * 86_400).default(86_400),
  updateTimeoutS: z.number().int().min(10).max(30 * 86_400).default(3_600),
  keep: z.array(firmwareKeep).max(4).optional().describe('configuration that is exported before the installation, and restored after it where it differs'),
});
export type FirmwareRequest = z.infer<typeof firmwareRequest>;

/** The update of one device as REST shows it. */
export const firmwareView = z.object({
  endpoint: z.string(),
  update: z.string().describe('id of this update'),
  package: packageId,
  version: z.string(),
  stage: firmwareStage,
  since: z.string(),
  startedAt: z.string(),
  reason: z.string().describe('why it stands where it stands'),
  failure: firmwareFailure.optional().describe('the class of error that it failed with'),
  delivery: z.enum(['push', 'pull']).optional(),
  device: z.object({
    state: z.number().optional().describe('/5/0/3'),
    result: z.number().optional().describe('/5/0/5'),
    version: z.string().optional().describe('/3/0/3'),
  }),
  keep: z.object({ exported: z.array(firmwareKeep), restored: z.array(firmwareKeep) }).optional()
    .describe('configuration that was exported, and what of it is as it was; its values are not shown'),
  commandId: z.string().optional().describe('the command that it waits for'),
});
export type FirmwareView = z.infer<typeof firmwareView>;

export const firmwareUpdatePage = z.object({ updates: z.array(firmwareView), next: z.string().optional() });
export type FirmwareUpdatePage = z.infer<typeof firmwareUpdatePage>;

const ENDS = ['succeeded', 'failed', 'cancelled', 'superseded'] as const;
export const firmwareUpdatesQuery = z.strictObject({
  limit, cursor,
  stage: firmwareStage.exclude(ENDS).optional().describe('only updates that stand there'),
  outcome: firmwareStage.extract(ENDS).optional().describe('only updates that ended so'),
}).refine(({ stage, outcome }) => stage === undefined || outcome === undefined, { path: ['outcome'], message: 'an update that stands at a stage has no outcome: give one of them' });
export type FirmwareUpdatesQuery = z.infer<typeof firmwareUpdatesQuery>;

/** Value of lwm2m.firmware: a device moved to another stage. */
export const firmwareChangedValue = z.object({
  endpoint: z.string(),
  update: z.string(),
  package: packageId,
  version: z.string(),
  stage: firmwareStage,
  from: firmwareStage.optional().describe('none where the update begins'),
  at: z.string(),
  reason: z.string(),
  result: z.number().optional().describe('the last Update Result that the device told'),
  failure: firmwareFailure.optional().describe('the class of error that it failed with'),
  campaign: z.string().optional().describe('the campaign that the update belongs to'),
});
export type FirmwareChangedValue = z.infer<typeof firmwareChangedValue>;
