/** What happens to an operation on a software: it is begun, a command ends, values come, the device registers, time passes, it is cancelled. */
import type { SoftwareRequest } from '@cluster/contracts';
import type { FirmwareScene } from '../firmware/decide.ts';
import type { TellingValue } from '../firmware/facts.ts';
import type { CommandEnd, DesiredFirmware } from '../firmware/happenings.ts';
import { ask, askAgainMs, beginning, end, enter, isOver } from '../firmware/progress.ts';
import { decide } from './decide.ts';
import { learn } from './facts.ts';
import { SoftwareResult, SoftwareState } from './object9.ts';
import { isChanging, limitMs, type SoftwareOperation } from './operation.ts';

type Operation = SoftwareOperation;

/** What an operation is begun with. */
export interface DesiredSoftware {
  readonly id: string;
  readonly instance: number;
  readonly package?: DesiredFirmware['package'] | undefined;
  readonly request: Omit<SoftwareRequest, 'package'>;
  readonly secure: boolean;
}

export function begin({ id, instance, package: wanted, request, secure }: DesiredSoftware, scene: FirmwareScene): Operation {
  const { state, delivery, install, force, downloadTimeoutS, installTimeoutS } = request;
  return decide({
    ...beginning(id, 'inquiring', 'the device is asked what it has', scene.nowMs),
    instance, state, package: wanted, delivery, install, force, secure,
    downloadTimeoutMs: downloadTimeoutS * 1_000, installTimeoutMs: installTimeoutS * 1_000,
    // What was told before is of earlier times.
    device: { atMs: scene.nowMs }, identified: false, verified: false,
    tries: { creations: 0, preparations: 0, deliveries: 0, installations: 0, activations: 0, uninstallations: 0, cancels: 0 },
  }, scene);
}

/** The device told values, at `atMs`. */
export function onValues(operation: Operation, values: readonly TellingValue[], atMs: number, scene: FirmwareScene): Operation {
  const learned = learn(operation, values, atMs);
  return learned === operation || isOver(operation) ? operation : decide(learned, scene);
}

/** The device registered anew: it may have rebooted, and what it told before may be over. */
export function onRegistered(operation: Operation, scene: FirmwareScene): Operation {
  if (isOver(operation)) return operation;
  const rebooted = { ...operation, rebooted: true, lookAtMs: scene.nowMs };
  return operation.out === undefined && operation.stage !== 'inquiring' ? ask(rebooted, 'look', scene.nowMs) : rebooted;
}

/** Time has passed. A command that is out is the caller's to ask after; here only the operation's own limit ends it. */
export function onTime(operation: Operation, scene: FirmwareScene): Operation {
  const { nowMs } = scene;
  if (isOver(operation)) return nowMs < operation.lookAtMs || operation.out === undefined ? operation : { ...operation, out: undefined };
  if (nowMs >= limitMs(operation)) return end(operation, 'failed', `it took too long: ${operation.reason}`, nowMs, 'timeout');
  if (nowMs < operation.lookAtMs) return operation;
  return operation.out === undefined ? ask(operation, 'look', nowMs) : { ...operation, lookAtMs: askAgainMs(operation.out.atMs, nowMs) };
}

/** An operator wants it no more; undefined: the device may be changing what is installed, and nobody can stop it. */
export function onCancel(operation: Operation, scene: FirmwareScene): Operation | undefined {
  if (isOver(operation) || operation.stage === 'cancelling') return operation;
  if (isChanging(operation)) return undefined;
  return decide(enter({ ...operation, out: undefined }, 'cancelling', 'an operator cancelled it', scene.nowMs), scene);
}

/** Something else is wanted: the operation ends where it stands, and what it left is the next one's to deal with. */
export function onSuperseded(operation: Operation, nowMs: number): Operation | undefined {
  if (isOver(operation)) return operation;
  return isChanging(operation) ? undefined : enter({ ...operation, out: undefined }, 'superseded', 'something else is wanted', nowMs);
}

/** The command that is out has ended; the end of any other changes nothing. */
export function onCommandEnd(operation: Operation, ended: CommandEnd, atMs: number, scene: FirmwareScene): Operation {
  const { out } = operation;
  if (out === undefined || out.step !== ended.step || ended.state === 'queued' || ended.state === 'in-flight') return operation;
  const answered = learn({ ...operation, out: undefined }, ended.values, Math.max(atMs, out.atMs));
  if (isOver(operation)) return answered;
  if (ended.state === 'cancelled') return end(answered, 'failed', `its command was cancelled: ${ended.reason ?? 'by an operator'}`, scene.nowMs, 'transport');
  if (ended.state === 'expired') return end(answered, 'failed', `the device was not reached: ${ended.reason ?? 'its time ran out'}`, scene.nowMs, 'transport');
  return endings[out.action](answered, ended, scene);
}

const succeeded = ({ state, code }: CommandEnd): boolean => state === 'done' && code?.startsWith('2.') === true;
const codeOf = ({ code, reason }: CommandEnd): string => code ?? reason ?? 'no answer';

type Ending = (operation: Operation, ended: CommandEnd, scene: FirmwareScene) => Operation;

/** What was asked for shows in the device's state; an answer alone is not believed. */
const lookAfter: Ending = (operation, ended, { nowMs }) => {
  const refused = ended.state === 'done' && !succeeded(ended) ? codeOf(ended) : undefined;
  return ask({ ...operation, refused }, 'look', nowMs);
};

const delivered: Ending = (operation, ended, scene) => {
  if (!succeeded(ended)) return lookAfter(operation, ended, scene);
  const how = operation.by?.method === 'push' ? 'the device took the whole package' : 'the device took the URI';
  return ask(enter(operation, 'downloading', how, scene.nowMs), 'look', scene.nowMs);
};

const installed: Ending = (operation, ended, scene) => {
  if (ended.state === 'done' && !succeeded(ended)) return lookAfter(operation, ended, scene);
  const answer = ended.state === 'done' ? 'the device began to install' : 'the device did not answer the request to install';
  return ask(enter(operation, 'installing', answer, scene.nowMs), 'look', scene.nowMs);
};

/** Where the instance is not there it is made, if something is to be installed in it. */
const absent = (operation: Operation, scene: FirmwareScene): Operation => {
  const { instance, tries, state, package: wanted } = operation;
  if (state === 'absent') return end(operation, 'succeeded', `the device has no instance /9/${instance}`, scene.nowMs);
  if (wanted === undefined || tries.creations > 0) return end(operation, 'failed', `the device has no instance /9/${instance}`, scene.nowMs, 'unsupported');
  return ask({ ...operation, observing: undefined, tries: { ...tries, creations: 1 } }, 'create', scene.nowMs);
};

const looked: Ending = (operation, ended, scene) => {
  const counted = { ...operation, looks: operation.looks + 1 };
  if (ended.code !== '4.04') {
    const seen = succeeded(ended) || operation.stage !== 'inquiring';
    return seen ? decide(counted, scene) : end(operation, 'failed', `the device does not show its software (${codeOf(ended)})`, scene.nowMs, 'unsupported');
  }
  // Some devices remove the instance with what was installed in it.
  const { atMs } = operation.device;
  const gone = { ...counted, device: { atMs, state: SoftwareState.INITIAL, result: SoftwareResult.INITIAL } };
  return operation.stage === 'inquiring' || operation.stage === 'preparing' ? absent(gone, scene) : decide(gone, scene);
};

const observed: Ending = (operation, ended, scene) =>
  ended.code === '4.04' ? absent(operation, scene) : decide({ ...operation, observing: succeeded(ended) }, scene);

const created: Ending = (operation, ended, scene) => {
  if (succeeded(ended) || ended.state !== 'done') return decide(operation, scene);
  return end(operation, 'failed', `the device has no instance /9/${operation.instance}, and makes none (${codeOf(ended)})`, scene.nowMs, 'unsupported');
};

const endings: Readonly<Record<NonNullable<Operation['out']>['action'], Ending>> = {
  'observe': observed,
  'look': looked,
  'identify': (operation, _ended, scene) => decide({ ...operation, identified: true }, scene),
  'create': created,
  'prepare': lookAfter,
  'push': delivered,
  'send-uri': delivered,
  'install': installed,
  'version': (operation, ended, scene) => (succeeded(ended) ? decide({ ...operation, verified: true }, scene) : looked(operation, ended, scene)),
  'activate': lookAfter,
  'deactivate': lookAfter,
  'uninstall': lookAfter,
  'forget': (operation) => operation,
};
