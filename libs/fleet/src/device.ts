/** One device of a job: where it stands, and what an answer makes of it. Pure; kept as text, see `DeviceMove`. */
import type { CommandState, JobDeviceState, JobDeviceView } from '@cluster/contracts';
import { Buffer } from 'node:buffer';
import { commandIdOf } from './command-key.ts';
import type { StoredDevice } from './ports.ts';

export interface JobDevice {
  readonly state: JobDeviceState;
  /** Place of the command that it stands at. */
  readonly step: number;
  readonly sinceMs: number;
  /** Open, and its command can not leave now: the device sleeps, is not registered, does not answer, or may send no more today. */
  readonly away?: true;
  /** CoAP code of the answer, or why it was refused. */
  readonly code?: string;
}

/** The end of one command. */
export interface StepResult {
  readonly step: number;
  readonly state: CommandState;
  readonly code?: string | undefined;
}

/** Buckets of devices that wait for a command: the next step goes before the first one of others. */
export const WAITING_BUCKETS = ['next', 'waiting'] as const;
export const OPEN_BUCKETS = ['open', 'away'] as const;

export function selected(nowMs: number): JobDevice {
  return { state: 'waiting', step: 0, sinceMs: nowMs };
}

export function isEnded({ state }: JobDevice): boolean {
  return state !== 'waiting' && state !== 'open';
}

/** The bucket that a device is counted under. */
export function bucketOf({ state, step, code, away }: JobDevice): string {
  if (state === 'waiting') return step > 0 ? 'next' : 'waiting';
  if (away === true) return 'away';
  return code === undefined ? state : `${state}/${code}`;
}

export function encodeDevice(device: JobDevice): string {
  return `${bucketOf(device)} ${device.step} ${device.sinceMs}`;
}

export function decodeDevice(value: string): JobDevice {
  const [bucket = '', step, sinceMs] = value.split(' ');
  const code = bucket.split('/', 2)[1];
  return {
    state: stateOfBucket(bucket),
    step: Number(step),
    sinceMs: Number(sinceMs),
    ...(bucket === 'away' ? { away: true } : {}),
    ...(code === undefined ? {} : { code }),
  };
}

/** The state that devices of a bucket are shown in. */
export function stateOfBucket(bucket: string): JobDeviceState {
  const [state = ''] = bucket.split('/', 1);
  if ((WAITING_BUCKETS as readonly string[]).includes(state)) return 'waiting';
  return (OPEN_BUCKETS as readonly string[]).includes(state) ? 'open' : (state as JobDeviceState);
}

/** The command of its step stands in the device's queue. `away`: the device does not listen now. */
export function opened(device: JobDevice, nowMs: number, away = false): JobDevice {
  return { state: 'open', step: device.step, sinceMs: nowMs, ...(away ? { away } : {}) };
}

/** An open device whose command can leave, or can not; undefined: that is known. */
export function following({ away: before, ...device }: JobDevice, away: boolean): JobDevice | undefined {
  if (away === (before === true)) return undefined;
  return away ? { ...device, away } : device;
}

export function refused(device: JobDevice, code: string, nowMs: number): JobDevice {
  return { state: 'refused', step: device.step, sinceMs: nowMs, code };
}

export function cancelled(device: JobDevice, nowMs: number): JobDevice {
  return { state: 'cancelled', step: device.step, sinceMs: nowMs };
}

/**
 * What the end of a command makes of a device; undefined: nothing, it is over that already. A result may come again, and
 * before it is known that its command was queued.
 */
export function afterResult(device: JobDevice, result: StepResult, steps: number, nowMs: number): JobDevice | undefined {
  if (isEnded(device) || result.step !== device.step || result.state === 'queued' || result.state === 'in-flight') return undefined;
  const { step, code } = result;
  if (result.state !== 'done') return { state: result.state, step, sinceMs: nowMs };
  if (code?.startsWith('2.') === true && step + 1 < steps) return { state: 'waiting', step: step + 1, sinceMs: nowMs };
  return { state: 'done', step, sinceMs: nowMs, code: code ?? 'none' };
}

/** Devices of several buckets in the order in which the store lists those of one. */
export function inOrderOfNames(devices: readonly StoredDevice[]): StoredDevice[] {
  return devices.toSorted((a, b) => Buffer.compare(Buffer.from(a.endpoint), Buffer.from(b.endpoint)));
}

/** The device as REST shows it. */
export function deviceView(jobId: string, endpoint: string, device: JobDevice): JobDeviceView {
  const { state, step, code, sinceMs } = device;
  const queued = state !== 'waiting' && state !== 'refused';
  return {
    endpoint, state, step,
    ...(queued ? { commandId: commandIdOf(jobId, step) } : {}),
    ...(code === undefined ? {} : { code }),
    since: new Date(sinceMs).toISOString(),
  };
}
