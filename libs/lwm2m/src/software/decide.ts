/**
 * What comes next for an operation on a software, by its stage and what the device last told. Pure; one command is out at a
 * time, and nothing is decided while one is. The state machines of the device are those of object 9.
 */
import type { FirmwareFailure } from '@cluster/contracts';
import type { FirmwareScene } from '../firmware/decide.ts';
import { PROTOCOLS } from '../firmware/delivery.ts';
import { ask, end, enter, isOver, wait } from '../firmware/progress.ts';
import { targetMismatch } from '../firmware/target.ts';
import { isFailure, resultText, SoftwareResult, SoftwareState } from './object9.ts';
import type { SoftwareAction, SoftwareOperation } from './operation.ts';

type Operation = SoftwareOperation;

const { INITIAL, DOWNLOAD_STARTED, DOWNLOADED, DELIVERED, INSTALLED } = SoftwareState;
const MOST = 3;
/** Looks at a device that took Install and shows no sign of it, until it is asked again. */
const LOOKS_BEFORE_AGAIN = 3;

/** The operation with its next command, in its next stage, or waiting. */
export function decide(operation: Operation, scene: FirmwareScene): Operation {
  if (operation.out !== undefined || isOver(operation)) return operation;
  return stages[operation.stage as keyof typeof stages](operation, scene);
}

const stages = {
  inquiring: inquire, preparing: prepare, delivering: deliver, downloading: download, delivered: install, installing: awaitInstallation,
  verifying: verify, activating: activate, deactivating: activate, uninstalling: uninstall, cancelling: cancel,
} as const;

function fail(operation: Operation, failure: FirmwareFailure, reason: string, { nowMs }: FirmwareScene): Operation {
  return end(operation, 'failed', reason, nowMs, failure);
}

function succeed(operation: Operation, reason: string, { nowMs }: FirmwareScene): Operation {
  return end(operation, 'succeeded', reason, nowMs);
}

function go(operation: Operation, stage: keyof typeof stages, reason: string, scene: FirmwareScene): Operation {
  return decide(enter(operation, stage, reason, scene.nowMs), scene);
}

/** A command that is tried a few times at most. */
function attempt(operation: Operation, action: SoftwareAction, count: keyof Operation['tries'], { nowMs }: FirmwareScene): Operation {
  const { tries } = operation;
  return ask({ ...operation, refused: undefined, tries: { ...tries, [count]: tries[count] + 1 } }, action, nowMs);
}

function inquire(operation: Operation, scene: FirmwareScene): Operation {
  const { device, package: wanted, identified, observing, state } = operation;
  if (device.state === undefined) return ask(operation, observing === undefined ? 'observe' : 'look', scene.nowMs);
  if (state === 'absent') return go(operation, 'uninstalling', 'the device tells what it has', scene);
  if (wanted === undefined) return inquireInstalled(operation, scene);
  if (Object.keys(wanted.target).length > 0 && !identified) return ask(operation, 'identify', scene.nowMs);
  const mismatch = targetMismatch(wanted.target, device);
  if (mismatch !== undefined) return fail(operation, 'target', mismatch, scene);
  if (device.version === wanted.version && !operation.force) {
    if (device.state === INSTALLED) return state === 'delivered' ? succeed(operation, `version "${wanted.version}" is installed already`, scene) : goActivate(operation, `version "${wanted.version}" is installed already`, scene);
    if (device.state === DELIVERED) return go({ ...operation, staleResult: device.result }, 'delivered', 'the device has the package already', scene);
  }
  const fresh = device.state === INITIAL && (device.result ?? SoftwareResult.INITIAL) === SoftwareResult.INITIAL;
  return fresh ? go(operation, 'delivering', 'the device is ready', scene) : go(operation, 'preparing', 'the device is to make ready for another package', scene);
}

function inquireInstalled(operation: Operation, scene: FirmwareScene): Operation {
  const { state } = operation.device;
  return state === INSTALLED ? goActivate(operation, 'the software is installed', scene) : fail(operation, 'unsupported', `no software is installed (Update State ${state})`, scene);
}

function goActivate(operation: Operation, reason: string, scene: FirmwareScene): Operation {
  return go(operation, operation.state === 'inactive' ? 'deactivating' : 'activating', reason, scene);
}

/** Uninstall brings the object back to INITIAL and takes its result back; ForUpdate keeps what is installed at hand. */
function prepare(operation: Operation, scene: FirmwareScene): Operation {
  const { device: { state, result = SoftwareResult.INITIAL }, tries, refused, nowMs } = { ...operation, ...scene };
  if (state === INITIAL && result === SoftwareResult.INITIAL) return go(operation, 'delivering', 'the device is ready', scene);
  const busy = state === DOWNLOAD_STARTED || state === DOWNLOADED;
  if (busy && refused !== undefined) return wait(operation, nowMs, `the device is downloading something already, and does not stop it (${refused})`);
  if (tries.preparations < MOST) return attempt(operation, 'prepare', 'preparations', scene);
  if (state !== INITIAL) return fail(operation, 'device', result === SoftwareResult.UNINSTALLATION_FAILED ? resultText(result) : 'the device does not give up what it has', scene);
  // Some devices keep the result until the next download begins.
  return go({ ...operation, staleResult: result }, 'delivering', 'the device keeps an earlier result', scene);
}

function deliver(operation: Operation, scene: FirmwareScene): Operation {
  const { device, tries, refused, by } = operation;
  const failure = failureOf(operation);
  if (failure !== undefined) return fail(operation, 'device', failure, scene);
  if (device.state !== INITIAL) return go(operation, 'downloading', 'the device has begun', scene);
  // Package and Package URI are both optional: a device that has no use for a URI is given the package itself.
  const push = refused !== undefined && by?.method === 'pull' && operation.delivery === 'auto';
  if (refused !== undefined && !push) return fail(operation, 'refused', `the device refused the package with ${refused}`, scene);
  if (tries.deliveries >= MOST) return fail(operation, 'transport', `the device did not keep the package in ${tries.deliveries} deliveries`, scene);
  const way = push || by?.method === 'push' ? ({ method: 'push' } as const) : wayOf(operation, scene);
  if (typeof way === 'string') return fail(operation, 'unsupported', way, scene);
  return attempt({ ...operation, by: way }, way.method === 'push' ? 'push' : 'send-uri', 'deliveries', scene);
}

/** Object 9 tells no protocols: a device fetches by the one that it surely has, secured where its registration is. */
function wayOf({ delivery, secure }: Operation, { served }: FirmwareScene): NonNullable<Operation['by']> | string {
  const scheme = served.find((one) => one === (secure ? 'coaps' : 'coap')) ?? served.find((one) => one === 'coap');
  if (delivery !== 'push' && scheme !== undefined) return { method: 'pull', protocol: PROTOCOLS[scheme] };
  return delivery === 'pull' ? `no CoAP is served here for pulls (${served.join(', ') || 'none'})` : { method: 'push' };
}

function download(operation: Operation, scene: FirmwareScene): Operation {
  const { device: { state }, nowMs } = { ...operation, ...scene };
  const failure = failureOf(operation);
  if (failure !== undefined && state !== DOWNLOAD_STARTED) return confirmed(operation, scene) ?? fail(operation, 'device', failure, scene);
  if (state === DELIVERED) return go(operation, 'delivered', 'the device has the whole package', scene);
  if (state === INSTALLED) return goVerify(operation, 'the device installed it by itself', scene);
  if (state === INITIAL && operation.rebooted && operation.looks > 0) return go(operation, 'delivering', 'the device lost the package over a reboot', scene);
  return wait(operation, nowMs, DOWNLOADING[state ?? INITIAL]);
}

const DOWNLOADING: Readonly<Record<number, string>> = {
  [INITIAL]: 'the device has not begun to download', [DOWNLOAD_STARTED]: 'the device downloads', [DOWNLOADED]: 'the device checks the package',
};

function install(operation: Operation, scene: FirmwareScene): Operation {
  const { device: { state }, tries, refused, nowMs } = { ...operation, ...scene };
  if (state === INSTALLED) return goVerify(operation, 'the device tells that it has installed', scene);
  const failure = failureOf(operation);
  if (failure !== undefined) return confirmed(operation, scene) ?? fail(operation, 'device', failure, scene);
  if (state !== DELIVERED) return confirmed(operation, scene) ?? fail(operation, 'device', 'the device gave up the package', scene);
  if (operation.state === 'delivered') return succeed(operation, 'the device has the package', scene);
  if (operation.install === 'device') return wait(operation, nowMs, 'the device has the package; its user begins the installation');
  if (refused !== undefined) return fail(operation, 'refused', `the device refused to install with ${refused}`, scene);
  if (tries.installations >= MOST) return fail(operation, 'refused', `the device did not install after ${tries.installations} requests`, scene);
  return attempt(operation, 'install', 'installations', scene);
}

function awaitInstallation(operation: Operation, scene: FirmwareScene): Operation {
  const { device: { state }, looks, nowMs } = { ...operation, ...scene };
  if (state === INSTALLED) return goVerify(operation, 'the device tells that it has installed', scene);
  const failure = failureOf(operation);
  if (failure !== undefined) return confirmed(operation, scene) ?? fail(operation, 'device', failure, scene);
  if (state !== DELIVERED) return confirmed(operation, scene) ?? fail(operation, 'device', 'the device gave up the package', scene);
  return looks >= LOOKS_BEFORE_AGAIN ? go(operation, 'delivered', 'the device did not begin to install', scene) : wait(operation, nowMs);
}

/** PkgVersion is read anew: what was known may be that of the software before. */
function goVerify(operation: Operation, reason: string, scene: FirmwareScene): Operation {
  const { version: _, ...device } = operation.device;
  return ask(enter({ ...operation, device, verified: false }, 'verifying', reason, scene.nowMs), 'version', scene.nowMs);
}

function verify(operation: Operation, scene: FirmwareScene): Operation {
  const { device: { version = '', state }, package: wanted, verified, nowMs } = { ...operation, ...scene };
  if (!verified) return ask(operation, 'version', nowMs);
  if (state !== INSTALLED) return fail(operation, 'device', `the software did not stay installed (Update State ${state})`, scene);
  if (version !== '' && version !== wanted?.version) {
    return fail(operation, 'version', `the device tells that it has installed, but version "${version}" instead of "${wanted?.version}"`, scene);
  }
  const said = version === '' ? 'the device tells no version' : `version "${version}" is installed`;
  return operation.state === 'delivered' ? succeed(operation, said, scene) : goActivate(operation, said, scene);
}

function activate(operation: Operation, scene: FirmwareScene): Operation {
  const { device: { state, active }, tries, refused, stage } = operation;
  const wanted = stage === 'activating';
  if (state !== INSTALLED) return confirmed(operation, scene) ?? fail(operation, 'device', `the software is no longer installed (Update State ${state})`, scene);
  if (active === wanted) return succeed(operation, `the software is installed and ${wanted ? 'active' : 'not active'}`, scene);
  if (refused !== undefined) return fail(operation, 'refused', `the device refused to ${wanted ? 'activate' : 'deactivate'} it with ${refused}`, scene);
  if (tries.activations >= MOST) return fail(operation, 'refused', `the software did not become ${wanted ? 'active' : 'inactive'} after ${tries.activations} requests`, scene);
  return attempt(operation, wanted ? 'activate' : 'deactivate', 'activations', scene);
}

function uninstall(operation: Operation, scene: FirmwareScene): Operation {
  const { device: { state, result }, tries, refused } = operation;
  if (state === INITIAL) return succeed(operation, 'nothing is installed', scene);
  if (refused !== undefined) return fail(operation, 'refused', `the device refused to uninstall with ${refused}`, scene);
  if (tries.uninstallations > 0 && result === SoftwareResult.UNINSTALLATION_FAILED) return fail(operation, 'device', resultText(result), scene);
  if (tries.uninstallations >= MOST) return fail(operation, 'device', `the software is still there after ${tries.uninstallations} requests`, scene);
  return attempt(operation, 'uninstall', 'uninstallations', scene);
}

function cancel(operation: Operation, scene: FirmwareScene): Operation {
  const { device: { state }, tries, nowMs } = { ...operation, ...scene };
  // What was known before it was told so says nothing: a package may be on its way.
  const given = tries.deliveries > 0;
  if (!given || (state === INITIAL && tries.cancels > 0)) return end(operation, 'cancelled', 'cancelled by an operator', nowMs);
  if (state === INSTALLED) return fail(operation, 'refused', 'it could not be cancelled: the device has installed the package', scene);
  const busy = state === DOWNLOAD_STARTED || state === DOWNLOADED;
  if (busy && tries.cancels > 0) return wait(operation, nowMs, 'the device downloads to the end before it gives the package up');
  if (tries.cancels >= MOST) return fail(operation, 'refused', 'the device could not be made to give up the package', scene);
  return attempt(operation, 'uninstall', 'cancels', scene);
}

/** A look before what can not be taken back is concluded from a notification, which may be late. Undefined where the device was looked at. */
function confirmed(operation: Operation, { nowMs }: FirmwareScene): Operation | undefined {
  return operation.looks === 0 ? ask(operation, 'look', nowMs) : undefined;
}

/** What the device's result says went wrong; undefined: nothing, or only what it kept from earlier times. */
function failureOf({ device: { result }, staleResult }: Operation): string | undefined {
  return result !== undefined && isFailure(result) && result !== staleResult ? resultText(result) : undefined;
}
