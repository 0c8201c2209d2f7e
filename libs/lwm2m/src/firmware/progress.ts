/** How far a device is brought to something, of firmware or of software alike: its stage, the command that is out, when to look. */
import { firmwareFailure, type FirmwareFailure } from '@cluster/contracts';
import { z } from 'zod';

interface Transition<Stage extends string> {
  /** Counts the transitions, from 1. */
  readonly sequence: number;
  readonly from?: Stage | undefined;
  readonly stage: Stage;
  readonly atMs: number;
  readonly reason: string;
  readonly result?: number | undefined;
  readonly failure?: FirmwareFailure | undefined;
}

export interface Progress<Stage extends string = string, Action extends string = string> {
  readonly id: string;
  readonly stage: Stage;
  readonly sinceMs: number;
  readonly startedAtMs: number;
  readonly reason: string;
  readonly failure?: FirmwareFailure | undefined;
  readonly out?: { readonly step: number; readonly action: Action; readonly atMs: number } | undefined;
  readonly steps: number;
  readonly lookAtMs: number;
  readonly looks: number;
  readonly device: { readonly result?: number | undefined; readonly atMs: number };
  readonly observing?: boolean | undefined;
  readonly refused?: string | undefined;
  readonly rebooted: boolean;
  readonly transitions: number;
  readonly untold: readonly Transition<Stage>[];
}

/** The fields of a {@link Progress} as they are stored, but for what the device told. */
export function progressFields<S extends z.ZodType<string>, A extends z.ZodType<string>>(stage: S, action: A) {
  const transition = z.object({
    sequence: z.number().int(), from: stage.optional(), stage, atMs: z.number(), reason: z.string(), result: z.number().optional(),
    failure: firmwareFailure.optional(),
  });
  return {
    id: z.string(),
    stage,
    sinceMs: z.number(),
    startedAtMs: z.number(),
    reason: z.string(),
    /** Why it failed, for those who decide whether it is tried again. */
    failure: firmwareFailure.optional(),
    /** The command that is out. Its `step` counts the commands and makes their keys. */
    out: z.object({ step: z.number().int(), action, atMs: z.number() }).optional(),
    steps: z.number().int(),
    /** When it is looked at again if nothing is heard. */
    lookAtMs: z.number(),
    /** Looks of this stage that told nothing new. */
    looks: z.number().int(),
    /** Whether the object instance is observed; undefined: it was not tried. */
    observing: z.boolean().optional(),
    /** The code by which the device refused the last request that mattered. */
    refused: z.string().optional(),
    rebooted: z.boolean(),
    /** Transitions in all, and those that are not known to be told. */
    transitions: z.number().int(),
    untold: z.array(transition),
  };
}

/** The fields of one that begins. */
export function beginning<Stage extends string>(id: string, stage: Stage, reason: string, nowMs: number) {
  return {
    id, stage, sinceMs: nowMs, startedAtMs: nowMs, reason, steps: 0, lookAtMs: nextLookMs(0, nowMs), looks: 0, rebooted: false,
    transitions: 1, untold: [{ sequence: 1, stage, atMs: nowMs, reason }],
  };
}

const ENDS: readonly string[] = ['succeeded', 'failed', 'cancelled', 'superseded'];

export function isOver({ stage }: Pick<Progress, 'stage'>): boolean {
  return ENDS.includes(stage);
}

/** When somebody has to look at it, which is given up at `limitMs`; undefined: nobody has to any more. */
export function lookDueMs(update: Progress, limitMs: number): number | undefined {
  if (isOver(update)) return update.untold.length > 0 || update.out !== undefined ? update.lookAtMs : undefined;
  return Math.min(update.lookAtMs, limitMs);
}

/** First and longest time between two looks at a device that tells nothing. */
const LOOK_MS = { first: 15_000, most: 300_000 };

/** When it is asked again what became of a command that is out: less often the longer it is. */
export function askAgainMs(askedAtMs: number, nowMs: number): number {
  return nowMs + Math.min(Math.max(LOOK_MS.first, nowMs - askedAtMs), LOOK_MS.most);
}

function nextLookMs(looks: number, nowMs: number): number {
  return nowMs + Math.min(LOOK_MS.first * 2 ** Math.min(looks, 10), LOOK_MS.most);
}

/** The update in another stage, which is to be told. */
export function enter<U extends Progress>(update: U, stage: U['stage'], reason: string, nowMs: number): U {
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
export function ask<U extends Progress>(update: U, action: NonNullable<U['out']>['action'], nowMs: number): U {
  const step = update.steps + 1;
  return { ...update, steps: step, out: { step, action, atMs: nowMs }, lookAtMs: nextLookMs(0, nowMs) };
}

/** The update's end; one that failed has a `failure`. What it observed is cancelled. */
export function end<U extends Progress>(update: U, stage: U['stage'], reason: string, nowMs: number, failure?: FirmwareFailure): U {
  const over = enter({ ...update, out: undefined, failure }, stage, reason, nowMs);
  return over.observing === true ? ask({ ...over, observing: false }, 'forget', nowMs) : over;
}

/** Nothing to do until something is heard. */
export function wait<U extends Progress>(update: U, nowMs: number, reason: string = update.reason): U {
  return { ...update, reason, lookAtMs: nextLookMs(update.looks, nowMs) };
}

/** The transitions up to `sequence` are told. */
export function told<U extends Progress>(update: U, sequence: number): U {
  return { ...update, untold: update.untold.filter((one) => one.sequence > sequence) };
}
