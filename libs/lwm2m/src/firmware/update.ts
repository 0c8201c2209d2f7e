/** The update of one device as it is stored: enough for any process to go on with it after another one died. */
import { firmwareFailure, firmwareRequest, firmwareStage, firmwareTarget, packageId, type FirmwareFailure, type FirmwareStage } from '@cluster/contracts';
import { z } from 'zod';

/** What the server asks of the device, one at a time. */
export const firmwareAction = z.enum([
  'observe', 'look', 'identify', 'reset-uri', 'reset-package', 'push', 'send-uri', 'update', 'version', 'cancel', 'forget',
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

const transition = z.object({
  /** Counts the transitions of the update, from 1. */
  sequence: z.number().int(),
  from: firmwareStage.optional(),
  stage: firmwareStage,
  atMs: z.number(),
  reason: z.string(),
  result: z.number().optional(),
  failure: firmwareFailure.optional(),
});
export type FirmwareTransition = z.infer<typeof transition>;

export const firmwareUpdate = z.object({
  id: z.string(),
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
  stage: firmwareStage,
  sinceMs: z.number(),
  startedAtMs: z.number(),
  reason: z.string(),
  /** Why it failed, for those who decide whether it is tried again. */
  failure: firmwareFailure.optional(),
  /** The command that is out. Its `step` counts the commands of the update and makes their keys. */
  out: z.object({ step: z.number().int(), action: firmwareAction, atMs: z.number() }).optional(),
  steps: z.number().int(),
  /** When it is looked at again if nothing is heard. */
  lookAtMs: z.number(),
  /** Looks of this stage that told nothing new. */
  looks: z.number().int(),
  device: deviceFacts,
  /** Whether /5/0 is observed; undefined: it was not tried. */
  observing: z.boolean().optional(),
  identified: z.boolean(),
  /** How the package goes to the device, with the protocol of /5/0/8 where it is pulled. */
  by: z.object({ method: z.enum(['push', 'pull']), protocol: z.number().optional() }).optional(),
  /** A result of earlier times, which the device did not take back. */
  staleResult: z.number().optional(),
  /** The code by which the device refused the last request that mattered. */
  refused: z.string().optional(),
  rebooted: z.boolean(),
  tries: z.object({ resets: z.number(), deliveries: z.number(), executions: z.number(), cancels: z.number() }),
  /** Transitions in all, and those that are not known to be told. */
  transitions: z.number().int(),
  untold: z.array(transition),
});
export type FirmwareUpdate = z.infer<typeof firmwareUpdate>;

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

const ENDS: readonly FirmwareStage[] = ['succeeded', 'failed', 'cancelled', 'superseded'];

export function isOver({ stage }: Pick<FirmwareUpdate, 'stage'>): boolean {
  return ENDS.includes(stage);
}

/** Whether the device is, or may be, installing: nobody can stop it then. */
export function isInstalling({ stage, out }: Pick<FirmwareUpdate, 'stage' | 'out'>): boolean {
  return stage === 'updating' || stage === 'verifying' || out?.action === 'update';
}

/** When an update is given up, whatever was heard. */
export function limitMs({ stage, sinceMs, startedAtMs, downloadTimeoutMs, updateTimeoutMs }: FirmwareUpdate): number {
  if (stage === 'updating' || stage === 'verifying') return sinceMs + updateTimeoutMs;
  return (stage === 'cancelling' ? sinceMs : startedAtMs) + downloadTimeoutMs;
}

/** When the update is to be looked at next; undefined: never. */
export function dueMs(update: FirmwareUpdate): number | undefined {
  if (isOver(update)) return update.untold.length > 0 || update.out !== undefined ? update.lookAtMs : undefined;
  return Math.min(update.lookAtMs, limitMs(update));
}

/** First and longest time between two looks at a device that tells nothing. */
const LOOK_MS = { first: 15_000, most: 300_000 };

/** When it is asked again what became of a command that is out: less often the longer it is. */
export function askAgainMs(askedAtMs: number, nowMs: number): number {
  return nowMs + Math.min(Math.max(LOOK_MS.first, nowMs - askedAtMs), LOOK_MS.most);
}

export function nextLookMs(looks: number, nowMs: number): number {
  return nowMs + Math.min(LOOK_MS.first * 2 ** Math.min(looks, 10), LOOK_MS.most);
}

/** The update in another stage, which is to be told. */
export function enter(update: FirmwareUpdate, stage: FirmwareStage, reason: string, nowMs: number): FirmwareUpdate {
  const sequence = update.transitions + 1;
  const { device: { result }, failure } = update;
  const told = {
    sequence, from: update.stage, stage, atMs: nowMs, reason, ...(result === undefined ? {} : { result }), ...(failure === undefined ? {} : { failure }),
  };
  return {
    ...update, stage, reason, sinceMs: nowMs, looks: 0, lookAtMs: nextLookMs(0, nowMs), rebooted: false, refused: undefined,
    transitions: sequence, untold: [...update.untold, told],
  };
}

/** The update with a command to the device, which goes out once this is stored. */
export function ask(update: FirmwareUpdate, action: FirmwareAction, nowMs: number): FirmwareUpdate {
  const step = update.steps + 1;
  return { ...update, steps: step, out: { step, action, atMs: nowMs }, lookAtMs: nextLookMs(0, nowMs) };
}

/** The update's end; one that failed has a `failure`. What it observed is cancelled. */
export function end(update: FirmwareUpdate, stage: FirmwareStage, reason: string, nowMs: number, failure?: FirmwareFailure): FirmwareUpdate {
  const over = enter({ ...update, out: undefined, failure }, stage, reason, nowMs);
  return over.observing === true ? ask({ ...over, observing: false }, 'forget', nowMs) : over;
}

/** Nothing to do until something is heard. */
export function wait(update: FirmwareUpdate, nowMs: number, reason = update.reason): FirmwareUpdate {
  return { ...update, reason, lookAtMs: nextLookMs(update.looks, nowMs) };
}
