/** What is done to one software of a device, as it is stored: enough for any process to go on with it after another one died. */
import { firmwareTarget, packageId, softwareRequest, softwareStage } from '@cluster/contracts';
import { z } from 'zod';
import { isOver, lookDueMs, progressFields } from '../firmware/progress.ts';

/** What the server asks of the device, one at a time. */
const softwareAction = z.enum([
  'observe', 'look', 'identify', 'create', 'prepare', 'push', 'send-uri', 'install', 'version', 'activate', 'deactivate', 'uninstall', 'forget',
]);
export type SoftwareAction = z.infer<typeof softwareAction>;

const softwareFacts = z.object({
  /** Update State, Update Result and Activation State. */
  state: z.number().optional(),
  result: z.number().optional(),
  active: z.boolean().optional(),
  /** When the device told one of them last. */
  atMs: z.number(),
  /** PkgName and PkgVersion. */
  name: z.string().optional(),
  version: z.string().optional(),
  manufacturer: z.string().optional(),
  model: z.string().optional(),
  hardwareVersion: z.string().optional(),
});
export type SoftwareFacts = z.infer<typeof softwareFacts>;

const softwareOperation = z.object({
  ...progressFields(softwareStage, softwareAction),
  instance: z.number().int(),
  state: softwareRequest.shape.state,
  package: z.object({ id: packageId, version: z.string(), target: firmwareTarget }).optional(),
  delivery: softwareRequest.shape.delivery,
  install: softwareRequest.shape.install,
  force: z.boolean(),
  downloadTimeoutMs: z.number(),
  installTimeoutMs: z.number(),
  /** The device registered by DTLS. */
  secure: z.boolean(),
  device: softwareFacts,
  identified: z.boolean(),
  /** PkgVersion was read after the installation. */
  verified: z.boolean(),
  /** How the package goes to the device, with the number of the scheme where it is pulled. */
  by: z.object({ method: z.enum(['push', 'pull']), protocol: z.number().optional() }).optional(),
  /** A result of earlier times, which the device did not take back. */
  staleResult: z.number().optional(),
  tries: z.object({
    creations: z.number(), preparations: z.number(), deliveries: z.number(), installations: z.number(), activations: z.number(),
    uninstallations: z.number(), cancels: z.number(),
  }),
});
export type SoftwareOperation = z.infer<typeof softwareOperation>;

/** The software of one device: the last operation of each instance. */
const softwareRecord = z.object({ instances: z.array(softwareOperation) });
export type SoftwareRecord = z.infer<typeof softwareRecord>;

/** Stored software that this version cannot read. */
export class SoftwareUnreadable extends Error {
  readonly code = 'SOFTWARE_UNREADABLE';
}

export function encodeSoftware(record: SoftwareRecord): string {
  return JSON.stringify(record);
}

/** @throws {SoftwareUnreadable} */
export function decodeSoftware(record: string): SoftwareRecord {
  try {
    return softwareRecord.parse(JSON.parse(record));
  } catch (cause) {
    throw new SoftwareUnreadable('the software of a device can not be read', { cause });
  }
}

const INSTALLING: ReadonlySet<SoftwareOperation['stage']> = new Set(['installing', 'verifying', 'activating', 'deactivating', 'uninstalling']);
const EXECUTES: ReadonlySet<SoftwareAction> = new Set(['install', 'activate', 'deactivate', 'uninstall']);

/** Whether the device is, or may be, changing what is installed: nobody can stop it then. */
export function isChanging({ stage, out }: Pick<SoftwareOperation, 'stage' | 'out'>): boolean {
  return INSTALLING.has(stage) || (stage !== 'cancelling' && out !== undefined && EXECUTES.has(out.action));
}

/** When an operation is given up, whatever was heard. */
export function limitMs(operation: SoftwareOperation): number {
  const { stage, install, sinceMs, startedAtMs, downloadTimeoutMs, installTimeoutMs } = operation;
  if (INSTALLING.has(stage) || (stage === 'delivered' && install === 'device')) return sinceMs + installTimeoutMs;
  return (stage === 'cancelling' ? sinceMs : startedAtMs) + downloadTimeoutMs;
}

/** When the software of a device is to be looked at next; undefined: never. */
export function dueMs({ instances }: SoftwareRecord): number | undefined {
  const due = instances.map((one) => lookDueMs(one, limitMs(one))).filter((atMs) => atMs !== undefined);
  return due.length === 0 ? undefined : Math.min(...due);
}

export function operationOf(record: SoftwareRecord | undefined, instance: number): SoftwareOperation | undefined {
  return record?.instances.find((one) => one.instance === instance);
}

/** Instances of one device of which the last operation is kept. */
const MAX_INSTANCES = 32;

/** The record with an operation in its place; undefined: there are too many that are not over. Of those that are, the oldest makes room. */
export function withOperation(record: SoftwareRecord | undefined, operation: SoftwareOperation): SoftwareRecord | undefined {
  const others = (record?.instances ?? []).filter(({ instance }) => instance !== operation.instance);
  const over = others.filter((one) => isOver(one) && one.untold.length === 0).sort((a, b) => a.sinceMs - b.sinceMs);
  const dropped = others.length < MAX_INSTANCES ? undefined : over[0];
  if (others.length >= MAX_INSTANCES && dropped === undefined) return undefined;
  return { instances: [...others.filter((one) => one !== dropped), operation].sort((a, b) => a.instance - b.instance) };
}
