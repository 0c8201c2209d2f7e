/**
 * What comes next for an update, by its stage and what the device last told. Pure; one command is out at a time, and
 * nothing is decided while one is. The state machine of the device is that of object 5, figure E.6.1-1 of OMA LwM2M Core.
 */
import type { FirmwareFailure } from '@cluster/contracts';
import { chooseDelivery, type FirmwareScheme } from './delivery.ts';
import { nextToExport } from './keep.ts';
import { FirmwareState, isFailure, resultText, UpdateResult } from './object5.ts';
import { ask, end, enter, isOver, wait } from './progress.ts';
import { isAmong, isVersion, targetMismatch } from './target.ts';
import type { FirmwareAction, FirmwareUpdate } from './update.ts';

/** What a decision needs besides the update. */
export interface FirmwareScene {
  readonly nowMs: number;
  /** Schemes under which this server serves packages. */
  readonly served: readonly FirmwareScheme[];
}

const { IDLE, DOWNLOADING, DOWNLOADED, UPDATING } = FirmwareState;
const MOST = { deliveries: 3, executions: 3, resets: 3, cancels: 3, restorations: 3 } as const;
/** Looks at a device that took Execute and shows no sign of it, until it is executed again. */
const LOOKS_BEFORE_AGAIN = 3;

/** The update with its next command, in its next stage, or waiting. */
export function decide(update: FirmwareUpdate, scene: FirmwareScene): FirmwareUpdate {
  if (update.out !== undefined || isOver(update)) return update;
  return stages[update.stage as keyof typeof stages](update, scene);
}

const stages = {
  inquiring: inquire, resetting: reset, delivering: deliver, downloading: download, downloaded: execute, keeping: exportNext,
  updating: install, verifying: verify, restoring: restore, cancelling: cancel,
} as const;

function fail(update: FirmwareUpdate, failure: FirmwareFailure, reason: string, { nowMs }: FirmwareScene): FirmwareUpdate {
  return end(update, 'failed', reason, nowMs, failure);
}

function go(update: FirmwareUpdate, stage: keyof typeof stages, reason: string, scene: FirmwareScene): FirmwareUpdate {
  return decide(enter(update, stage, reason, scene.nowMs), scene);
}

function inquire(update: FirmwareUpdate, scene: FirmwareScene): FirmwareUpdate {
  const { device, package: wanted, nowMs } = { ...update, ...scene };
  if (device.state === undefined) return ask(update, update.observing === undefined ? 'observe' : 'look', nowMs);
  if (!update.identified) return ask(update, 'identify', nowMs);
  const mismatch = targetMismatch(wanted.target, device);
  if (mismatch !== undefined) return fail(update, 'target', mismatch, scene);
  if (isVersion(device, wanted.version) && !update.force) {
    return end(update, 'succeeded', `the device runs version "${wanted.version}" already`, nowMs);
  }
  if (!isAmong(device, update.fromVersions)) return fail(update, 'target', `the device runs version "${device.version ?? ''}", which is not to be updated`, scene);
  if (device.state === UPDATING) return wait(update, nowMs, 'the device is installing something already');
  if (device.state === IDLE && (device.result ?? 0) === UpdateResult.INITIAL) return go(update, 'delivering', 'the device is ready', scene);
  return go(update, 'resetting', 'the device holds an earlier package or result', scene);
}

/** The two ways of a reset: by an empty URI, or by a NULL package; a device that only takes pushes knows the second. */
function resetAction({ device, tries }: FirmwareUpdate): FirmwareAction {
  const uriFirst = device.method !== 1;
  return (tries.resets % 2 === 0) === uriFirst ? 'reset-uri' : 'reset-package';
}

function askReset(update: FirmwareUpdate, nowMs: number): FirmwareUpdate {
  const { tries } = update;
  return ask({ ...update, refused: undefined, tries: { ...tries, resets: tries.resets + 1 } }, resetAction(update), nowMs);
}

function reset(update: FirmwareUpdate, scene: FirmwareScene): FirmwareUpdate {
  const { device, tries, nowMs } = { ...update, ...scene };
  const result = device.result ?? UpdateResult.INITIAL;
  if (device.state === UPDATING) return go(update, 'inquiring', 'the device began to install something', scene);
  if (device.state === IDLE && result === UpdateResult.INITIAL) return go(update, 'delivering', 'the device is ready', scene);
  if (tries.resets < MOST.resets) return askReset(update, nowMs);
  if (device.state !== IDLE) return fail(update, 'refused', 'the device does not give up an earlier package', scene);
  // Some devices keep the result until the next download begins.
  return go({ ...update, staleResult: result }, 'delivering', 'the device is idle, and keeps an earlier result', scene);
}

function deliver(update: FirmwareUpdate, scene: FirmwareScene): FirmwareUpdate {
  const { device, tries, refused, nowMs } = { ...update, ...scene };
  const failure = failureOf(update);
  if (failure !== undefined) return fail(update, 'device', failure, scene);
  if (refused !== undefined) return fail(update, 'refused', `the device refused the package with ${refused}`, scene);
  if (device.state !== IDLE) return go(update, 'downloading', 'the device has begun', scene);
  if (tries.deliveries >= MOST.deliveries) return fail(update, 'transport', `the device did not keep the package in ${tries.deliveries} deliveries`, scene);
  const by = chooseDelivery(update.delivery, device, update.secure, scene.served);
  if (typeof by === 'string') return fail(update, 'unsupported', by, scene);
  return ask({ ...update, by, tries: { ...tries, deliveries: tries.deliveries + 1 } }, by.method === 'push' ? 'push' : 'send-uri', nowMs);
}

function download(update: FirmwareUpdate, scene: FirmwareScene): FirmwareUpdate {
  const { device: { state, result }, nowMs } = { ...update, ...scene };
  const failure = failureOf(update);
  if (failure !== undefined && state !== DOWNLOADING) return confirmed(update, scene) ?? fail(update, 'device', failure, scene);
  if (state === DOWNLOADED) return go(update, 'downloaded', 'the device has the whole package', scene);
  if (state === UPDATING) return go(update, 'updating', 'the device installs by itself', scene);
  if (state === IDLE && result === UpdateResult.SUCCESS && update.staleResult === undefined) return verifyNow(update, 'the device tells that it has updated', scene);
  if (state === IDLE && update.rebooted && update.looks > 0) return go(update, 'delivering', 'the device lost the package over a reboot', scene);
  // A result alone decides nothing: the state that belongs to it is on its way, or the device contradicts itself until its time is over.
  if (failure !== undefined) return wait(update, nowMs, `the device still tells that it downloads, though ${failure}`);
  return wait(update, nowMs, state === DOWNLOADING ? 'the device downloads' : 'the device has not begun to download');
}

function execute(update: FirmwareUpdate, scene: FirmwareScene): FirmwareUpdate {
  const { device: { state, result }, tries, refused, nowMs } = { ...update, ...scene };
  const failure = failureOf(update);
  if (failure !== undefined) return confirmed(update, scene) ?? fail(update, 'device', failure, scene);
  if (state === UPDATING) return go(update, 'updating', 'the device installs', scene);
  if (state === IDLE && result === UpdateResult.SUCCESS) return verifyNow(update, 'the device tells that it has updated', scene);
  if (state !== DOWNLOADED) return confirmed(update, scene) ?? fail(update, 'device', 'the device gave up the package', scene);
  if (refused !== undefined) return fail(update, 'refused', `the device refused to install with ${refused}`, scene);
  if (update.keep !== undefined && nextToExport(update.keep) !== undefined) return go(update, 'keeping', 'the configuration is exported before the installation', scene);
  if (tries.executions >= MOST.executions) return fail(update, 'refused', `the device did not begin to install after ${tries.executions} requests`, scene);
  return ask({ ...update, tries: { ...tries, executions: tries.executions + 1 } }, 'update', nowMs);
}

const UNOPENED = 'can not be opened: the secret that sealed it is gone';

/** As late as can be, so that nothing is exported that was changed since. */
function exportNext(update: FirmwareUpdate, scene: FirmwareScene): FirmwareUpdate {
  const { state } = update.device;
  if (update.keep?.sealed !== undefined) return fail(update, 'refused', `its exported configuration ${UNOPENED}`, scene);
  const done = update.keep === undefined || nextToExport(update.keep) === undefined;
  if (done || state !== DOWNLOADED) return go(update, 'downloaded', done ? 'the configuration is exported' : 'the device told another state', scene);
  return ask(update, 'export', scene.nowMs);
}

function install(update: FirmwareUpdate, scene: FirmwareScene): FirmwareUpdate {
  const { device: { state, result }, nowMs } = { ...update, ...scene };
  const failure = failureOf(update);
  if (failure !== undefined && state !== UPDATING) return confirmed(update, scene) ?? fail(update, 'device', failure, scene);
  // Some devices lose the result over their reboot: the version decides then.
  if (state === IDLE) return confirmed(update, scene) ?? verifyNow(update, result === UpdateResult.SUCCESS ? 'the device tells that it has updated' : 'the device is idle again, without a result', scene);
  if (result === UpdateResult.DEFERRED) return wait(update, nowMs, resultText(result));
  if (state === DOWNLOADED && update.looks >= LOOKS_BEFORE_AGAIN) return go(update, 'downloaded', 'the device did not begin to install', scene);
  if (state === DOWNLOADING) return wait(update, nowMs, 'the device tells that it downloads, after it was asked to install');
  if (state === UPDATING && result !== undefined && result !== UpdateResult.INITIAL && result !== update.staleResult) {
    return wait(update, nowMs, `the device still tells that it installs, though ${resultText(result)}`);
  }
  return wait(update, nowMs, state === UPDATING ? 'the device installs' : update.reason);
}

/** The version is read anew: what was known is that of the firmware before. */
function verifyNow(update: FirmwareUpdate, reason: string, scene: FirmwareScene): FirmwareUpdate {
  const { version: _, ...device } = update.device;
  return ask({ ...enter({ ...update, device }, 'verifying', reason, scene.nowMs) }, 'version', scene.nowMs);
}

function verify(update: FirmwareUpdate, scene: FirmwareScene): FirmwareUpdate {
  const { device, package: { version }, nowMs } = { ...update, ...scene };
  if (device.version === undefined && update.refused === undefined) return ask(update, 'version', nowMs);
  if (isVersion(device, version)) return updatedTo(update, `the device runs version "${version}"`, scene);
  const updated = device.result === UpdateResult.SUCCESS;
  if (device.version === undefined) {
    return updated ? updatedTo(update, 'the device tells that it has updated, and no version', scene) : fail(update, 'version', 'the device tells neither a result nor a version', scene);
  }
  const claim = updated ? 'tells that it has updated, but runs' : 'came back with';
  return fail(update, 'version', `the device ${claim} version "${device.version}" instead of "${version}"`, scene);
}

function updatedTo(update: FirmwareUpdate, reason: string, scene: FirmwareScene): FirmwareUpdate {
  return update.keep === undefined ? end(update, 'succeeded', reason, scene.nowMs) : go(update, 'restoring', reason, scene);
}

/** Object by object: what the device has is read, what it lacks is given back, and read again. */
function restore(update: FirmwareUpdate, scene: FirmwareScene): FirmwareUpdate {
  const { keep, refused, package: { version }, nowMs } = { ...update, ...scene };
  const runs = `the device runs version "${version}"`;
  if (keep?.sealed !== undefined) return fail(update, 'refused', `${runs}, but its exported configuration ${UNOPENED}`, scene);
  const next = keep?.exported[keep.restored];
  if (keep === undefined || next === undefined) return end(update, 'succeeded', `${runs}, ${keptAll(keep)}`, nowMs);
  if (refused !== undefined) return fail(update, 'refused', `${runs}, but ${keep.differing === undefined ? 'does not show' : 'does not take back'} ${keep.differing?.[0]?.path ?? next.path} (${refused})`, scene);
  if (keep.differing === undefined) {
    if (keep.reads >= MOST.restorations) return fail(update, 'refused', `${runs}, but ${next.path} does not stay as it was`, scene);
    return ask({ ...update, keep: { ...keep, reads: keep.reads + 1 } }, 'recall', nowMs);
  }
  if (keep.differing.length > 0) return ask(update, 'restore', nowMs);
  return restore({ ...update, keep: { ...keep, differing: undefined, reads: 0, restored: keep.restored + 1 } }, scene);
}

function keptAll(keep: FirmwareUpdate['keep']): string {
  const missed = keep?.paths.slice(keep.exported.length) ?? [];
  return missed.length === 0 ? 'with its configuration' : `without ${missed.join(', ')}, which could not be exported: it installed by itself`;
}

function cancel(update: FirmwareUpdate, scene: FirmwareScene): FirmwareUpdate {
  const { device: { state }, tries, objectVersion, nowMs } = { ...update, ...scene };
  if (state === UPDATING) return go(update, 'updating', 'it could not be cancelled: the device installs already', scene);
  // What was known before it was told so says nothing: a package may be on its way.
  const given = tries.deliveries > 0;
  if (!given || (state === IDLE && tries.cancels > 0)) return end(update, 'cancelled', 'cancelled by an operator', nowMs);
  if (tries.cancels >= MOST.cancels) return fail(update, 'refused', 'the device could not be made to give up the package', scene);
  const counted = { ...update, tries: { ...tries, cancels: tries.cancels + 1 } };
  return objectVersion !== '1.0' && tries.cancels === 0 ? ask(counted, 'cancel', nowMs) : askReset(counted, nowMs);
}

/**
 * A look before what can not be taken back is concluded from a notification: it may have been on its way for longer than an
 * answer that was heard before it. Undefined where the device was looked at.
 */
function confirmed(update: FirmwareUpdate, { nowMs }: FirmwareScene): FirmwareUpdate | undefined {
  return update.looks === 0 ? ask(update, 'look', nowMs) : undefined;
}

/** What the device's result says went wrong; undefined: nothing, or only what it kept from earlier times. */
function failureOf({ device: { result }, staleResult }: FirmwareUpdate): string | undefined {
  return result !== undefined && isFailure(result) && result !== staleResult ? resultText(result) : undefined;
}
