/** What happens to an update: it is begun, a command ends, values come, the device registers, time passes, it is cancelled. */
import type { CommandState, FirmwareRequest, FirmwareTarget } from '@cluster/contracts';
import { decide, type FirmwareScene } from './decide.ts';
import { learn, type TellingValue } from './facts.ts';
import { differences, nextToExport, NOTHING_KEPT, withExported } from './keep.ts';
import { ask, askAgainMs, beginning, end, enter, isOver } from './progress.ts';
import { isInstalling, limitMs, type FirmwareUpdate } from './update.ts';

/** What an update is begun with. */
export interface DesiredFirmware {
  readonly id: string;
  readonly package: { readonly id: string; readonly version: string; readonly target: FirmwareTarget };
  readonly request: Omit<FirmwareRequest, 'package'>;
  readonly objectVersion: string;
  readonly secure: boolean;
  /** Only where the device runs one of these. */
  readonly fromVersions?: readonly string[] | undefined;
}

/** The end of a command of the update. */
export interface CommandEnd {
  readonly step: number;
  readonly state: CommandState;
  readonly code?: string | undefined;
  readonly reason?: string | undefined;
  readonly values: readonly TellingValue[];
}

export function begin({ id, package: wanted, request, objectVersion, secure, fromVersions }: DesiredFirmware, scene: FirmwareScene): FirmwareUpdate {
  const { nowMs } = scene;
  const reason = 'the device is asked what it can do and what it has';
  return decide({
    ...beginning(id, 'inquiring', reason, nowMs),
    package: wanted, delivery: request.delivery, force: request.force, objectVersion, secure,
    ...(request.keep === undefined || request.keep.length === 0 ? {} : { keep: { paths: [...new Set(request.keep)], ...NOTHING_KEPT, exported: [] } }),
    ...(fromVersions === undefined ? {} : { fromVersions: [...fromVersions] }),
    downloadTimeoutMs: request.downloadTimeoutS * 1_000, updateTimeoutMs: request.updateTimeoutS * 1_000,
    // What was told before is of earlier times.
    device: { atMs: nowMs }, identified: false,
    tries: { resets: 0, deliveries: 0, executions: 0, cancels: 0 },
  }, scene);
}

/** The device told values, at `atMs`. */
export function onValues(update: FirmwareUpdate, values: readonly TellingValue[], atMs: number, scene: FirmwareScene): FirmwareUpdate {
  const learned = learn(update, values, atMs);
  return learned === update || isOver(update) ? update : decide(learned, scene);
}

/** The device registered anew: it may have rebooted, and what it told before may be over. */
export function onRegistered(update: FirmwareUpdate, scene: FirmwareScene): FirmwareUpdate {
  if (isOver(update)) return update;
  const rebooted = { ...update, rebooted: true, lookAtMs: scene.nowMs };
  return update.out === undefined && update.stage !== 'inquiring' ? ask(rebooted, 'look', scene.nowMs) : rebooted;
}

/** Time has passed. A command that is out is the caller's to ask after; here only the update's own limit ends it. */
export function onTime(update: FirmwareUpdate, scene: FirmwareScene): FirmwareUpdate {
  const { nowMs } = scene;
  if (isOver(update)) return nowMs < update.lookAtMs ? update : { ...update, out: undefined };
  if (nowMs >= limitMs(update)) return end(update, 'failed', `it took too long: ${update.reason}`, nowMs, isAway(update) ? 'lost' : 'timeout');
  if (nowMs < update.lookAtMs) return update;
  return update.out === undefined ? ask(update, 'look', nowMs) : { ...update, lookAtMs: askAgainMs(update.out.atMs, nowMs) };
}

/** An operator wants it no more; undefined: the device may be installing, and nobody can stop it. */
export function onCancel(update: FirmwareUpdate, scene: FirmwareScene): FirmwareUpdate | undefined {
  if (isOver(update) || update.stage === 'cancelling') return update;
  if (isInstalling(update)) return undefined;
  return decide(enter({ ...update, out: undefined }, 'cancelling', 'an operator cancelled it', scene.nowMs), scene);
}

/** Another package is wanted: the update ends where it stands, and what it left is the next one's to reset. */
export function onSuperseded(update: FirmwareUpdate, nowMs: number): FirmwareUpdate | undefined {
  if (isOver(update)) return update;
  return isInstalling(update) ? undefined : { ...enter({ ...update, out: undefined }, 'superseded', 'another package is wanted', nowMs), out: undefined };
}

/** The command that is out has ended; the end of any other changes nothing. */
export function onCommandEnd(update: FirmwareUpdate, ended: CommandEnd, atMs: number, scene: FirmwareScene): FirmwareUpdate {
  const { out } = update;
  if (out === undefined || out.step !== ended.step || ended.state === 'queued' || ended.state === 'in-flight') return update;
  // Its answer is younger than it, whatever the clocks of the cluster say.
  const answered = learn({ ...update, out: undefined }, ended.values, Math.max(atMs, out.atMs));
  if (isOver(update)) return answered;
  if (ended.state === 'cancelled') return end(answered, 'failed', `its command was cancelled: ${ended.reason ?? 'by an operator'}`, scene.nowMs, 'transport');
  if (ended.state === 'expired') return end(answered, 'failed', `the device was not reached: ${ended.reason ?? 'its time ran out'}`, scene.nowMs, isAway(update) ? 'lost' : 'transport');
  return endings[out.action](answered, ended, scene);
}

/** It was left installing, and did not come back. */
function isAway({ stage }: FirmwareUpdate): boolean {
  return stage === 'updating' || stage === 'verifying';
}

const succeeded = ({ state, code }: CommandEnd): boolean => state === 'done' && code?.startsWith('2.') === true;
const codeOf = ({ code, reason }: CommandEnd): string => code ?? reason ?? 'no answer';

type Ending = (update: FirmwareUpdate, ended: CommandEnd, scene: FirmwareScene) => FirmwareUpdate;

/** What was asked for shows in the device's state; an answer alone is not believed. */
const lookAfter: Ending = (update, ended, { nowMs }) => {
  const refused = ended.state === 'done' && !succeeded(ended) ? codeOf(ended) : undefined;
  return ask({ ...update, refused }, 'look', nowMs);
};

const delivered: Ending = (update, ended, scene) => {
  if (!succeeded(ended)) return lookAfter(update, ended, scene);
  const how = update.by?.method === 'push' ? 'the device took the whole package' : 'the device took the URI';
  const downloading = enter(update, 'downloading', how, scene.nowMs);
  const next = decide(downloading, scene);
  // Whatever was observed: its own word for what it has taken.
  return next === downloading || next.stage === 'downloading' ? ask(next, 'look', scene.nowMs) : next;
};

const executed: Ending = (update, ended, scene) => {
  if (ended.state === 'done' && !succeeded(ended)) return lookAfter(update, ended, scene);
  const answer = ended.state === 'done' ? 'the device began to install' : 'the device did not answer the request to install';
  return ask(enter(update, 'updating', answer, scene.nowMs), 'look', scene.nowMs);
};

const looked: Ending = (update, ended, scene) => {
  const counted = { ...update, looks: update.looks + 1 };
  if (succeeded(ended) || update.stage !== 'inquiring') return decide(counted, scene);
  return end(update, 'failed', `the device does not show its firmware object (${codeOf(ended)})`, scene.nowMs, 'unsupported');
};

const observed: Ending = (update, ended, scene) => {
  if (ended.code === '4.04') return end({ ...update, observing: false }, 'failed', 'the device has no firmware object (/5)', scene.nowMs, 'unsupported');
  return decide({ ...update, observing: succeeded(ended) }, scene);
};

const codeIs = (ended: CommandEnd, code: string): boolean => ended.state === 'done' && ended.code === code;

/** What the device does not have needs not be kept; what it does not show can't be. */
const exported: Ending = (update, ended, scene) => {
  const { keep } = update;
  if (keep === undefined) return decide(update, scene);
  const path = nextToExport(keep) ?? '';
  if (!succeeded(ended) && !codeIs(ended, '4.04')) return end(update, 'failed', `the device does not show ${path}, which is to be kept (${codeOf(ended)})`, scene.nowMs, 'refused');
  const next = withExported(keep, ended.values);
  return typeof next === 'string' ? end(update, 'failed', next, scene.nowMs, 'refused') : decide({ ...update, keep: next }, scene);
};

const recalled: Ending = (update, ended, scene) => {
  const { keep } = update;
  const before = keep?.exported[keep.restored]?.values;
  if (keep === undefined || before === undefined) return decide(update, scene);
  if (succeeded(ended) || codeIs(ended, '4.04')) return decide({ ...update, keep: { ...keep, differing: differences(before, ended.values) } }, scene);
  return decide({ ...update, refused: ended.state === 'done' ? codeOf(ended) : undefined }, scene);
};

/** What was given back is read again once all of it was; so is what was not answered. */
const restored: Ending = (update, ended, scene) => {
  const { keep } = update;
  if (keep?.differing === undefined) return decide(update, scene);
  if (ended.state === 'done' && !succeeded(ended)) return decide({ ...update, refused: codeOf(ended) }, scene);
  const left = keep.differing.slice(1);
  return decide({ ...update, keep: { ...keep, differing: left.length === 0 ? undefined : left } }, scene);
};

const endings: Readonly<Record<NonNullable<FirmwareUpdate['out']>['action'], Ending>> = {
  'observe': observed,
  'look': looked,
  'identify': (update, _ended, scene) => decide({ ...update, identified: true }, scene),
  'reset-uri': lookAfter,
  'reset-package': lookAfter,
  'cancel': lookAfter,
  'push': delivered,
  'send-uri': delivered,
  'update': executed,
  'version': (update, ended, scene) => decide({ ...update, refused: codeOf(ended) }, scene),
  'forget': (update) => update,
  'export': exported,
  'recall': recalled,
  'restore': restored,
};
