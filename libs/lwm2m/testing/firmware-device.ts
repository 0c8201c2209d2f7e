/** A device with object 5 in a few lines, and a server that drives its update: for tests of what the two make of each other. */
import type { CommandRequest } from '@cluster/contracts';
import { firmware } from '../src/index.ts';

export interface DeviceTraits {
  readonly version?: string;
  readonly method?: number;
  readonly protocols?: readonly number[];
  readonly state?: number;
  readonly result?: number;
  /** The Update Result in which a download, or an installation, ends. */
  readonly downloadResult?: number;
  readonly updateResult?: number;
  /** The version that it runs after an update; the package's unless told. */
  readonly becomes?: string;
  /** Codes that it answers operations on these paths with, instead of carrying them out. */
  readonly refuses?: Readonly<Record<string, string>>;
  readonly losesResult?: boolean;
  /** Values at and under /1, /2, /10 and /11, before an update and after it; the same unless told. */
  readonly configuration?: readonly firmware.TellingValue[];
  readonly configurationAfter?: readonly firmware.TellingValue[];
  /** It takes what is written to its configuration, and keeps what it has. */
  readonly forgetsWrites?: boolean;
  /** It installs what it has as soon as it has it. */
  readonly installsByItself?: boolean;
  /** It takes Execute and does nothing. */
  readonly ignoresExecute?: boolean;
}

export interface CommandOutcome {
  readonly state: 'done' | 'outcome-unknown' | 'expired' | 'cancelled';
  readonly code?: string;
  readonly values: firmware.TellingValue[];
}

/** What it does at once: it downloads and installs within the command that asks for it. */
export class FirmwareDevice {
  state: number;
  result: number;
  version: string;
  readonly asked: string[] = [];
  configuration: Map<string, firmware.TellingValue>;
  readonly #traits: DeviceTraits;

  constructor(traits: DeviceTraits) {
    this.#traits = traits;
    this.state = traits.state ?? 0;
    this.result = traits.result ?? 0;
    this.version = traits.version ?? '1.0';
    this.configuration = byPath(traits.configuration ?? []);
  }

  take({ op, path = '', value, values, package: pushed, payloadBase64 }: CommandRequest): CommandOutcome {
    this.asked.push(`${op} ${path}`);
    const refusal = this.#traits.refuses?.[`${op} ${path}`];
    if (refusal !== undefined) return { state: 'done', code: refusal, values: [] };
    if (/^\/(1|2|10|11)\b/.test(path)) return this.#configure(op, path, values ?? []);
    if (op === 'read' || op === 'observe') return { state: 'done', code: '2.05', values: path === '/3/0' ? this.identity() : this.object() };
    if (path === '/5/0/1' && value === '') this.#reset();
    else if (path === '/5/0/0' && payloadBase64 !== undefined) this.#reset();
    else if (path === '/5/0/10') this.#reset(10);
    else if (path === '/5/0/1' || pushed !== undefined) this.#download();
    else if (path === '/5/0/2') return this.#install();
    return { state: 'done', code: '2.04', values: [] };
  }

  object(): firmware.TellingValue[] {
    const { method = 2, protocols = [0] } = this.#traits;
    const list = protocols.map((value, i) => ({ path: `/5/0/8/${i}`, value }));
    return [{ path: '/5/0/3', value: this.state }, { path: '/5/0/5', value: this.result }, ...list, { path: '/5/0/9', value: method }];
  }

  identity(): firmware.TellingValue[] {
    return [{ path: '/3/0/0', value: 'ACME' }, { path: '/3/0/1', value: 'M1' }, { path: '/3/0/3', value: this.version }, { path: '/3/0/18', value: 'A' }];
  }

  #configure(op: CommandRequest['op'], path: string, values: readonly firmware.TellingValue[]): CommandOutcome {
    const at = [...this.configuration.values()].filter((one) => one.path.startsWith(`${path}/`));
    if (op === 'read') return at.length === 0 ? { state: 'done', code: '4.04', values: [] } : { state: 'done', code: '2.05', values: at };
    if (this.#traits.forgetsWrites !== true) for (const one of values) this.configuration.set(one.path, one);
    return { state: 'done', code: op === 'create' ? '2.01' : '2.04', values: [] };
  }

  #reset(result = 0): void {
    this.state = 0;
    this.result = result;
  }

  #download(): void {
    const { downloadResult = 0 } = this.#traits;
    this.result = downloadResult;
    this.state = downloadResult === 0 ? 2 : 0;
    if (downloadResult === 0 && this.#traits.installsByItself === true) this.#install();
  }

  #install(): CommandOutcome {
    if (this.state !== 2) return { state: 'done', code: '4.05', values: [] };
    const { updateResult = 1, becomes = '2.0', losesResult, ignoresExecute } = this.#traits;
    if (ignoresExecute === true) return { state: 'done', code: '2.04', values: [] };
    this.state = updateResult === 1 ? 0 : 2;
    this.result = losesResult === true ? 0 : updateResult;
    if (updateResult === 1) this.version = becomes;
    if (updateResult === 1 && this.#traits.configurationAfter !== undefined) this.configuration = byPath(this.#traits.configurationAfter);
    return { state: 'done', code: '2.04', values: [] };
  }
}

function byPath(values: readonly firmware.TellingValue[]): Map<string, firmware.TellingValue> {
  return new Map(values.map((one) => [one.path, one]));
}

export const PACKAGE = { id: 'p'.repeat(22), version: '2.0', target: {} };
export const REQUEST = { delivery: 'auto', force: false, downloadTimeoutS: 3_600, updateTimeoutS: 600 } as const;

/** Drives an update to its end, stored and read back before each step; time goes on where nothing is to be done. */
export function drive(
  device: FirmwareDevice, desired: Partial<firmware.DesiredFirmware> = {},
  between: (update: firmware.FirmwareUpdate, scene: firmware.FirmwareScene) => firmware.FirmwareUpdate = (update) => update,
): firmware.FirmwareUpdate {
  let nowMs = 1_000;
  const scene = (): firmware.FirmwareScene => ({ nowMs, served: ['coap', 'coaps'] });
  let update = firmware.begin({ id: 'u', package: PACKAGE, request: REQUEST, objectVersion: '1.1', secure: false, ...desired }, scene());
  for (let step = 0; step < 500; step++) {
    update = firmware.decodeUpdate(firmware.encodeUpdate(between(update, scene())));
    if (firmware.isOver(update) && update.out === undefined) return update;
    nowMs += 10;
    const command = firmware.commandOf(update, () => 'coap://server/fw');
    if (command === undefined || update.out === undefined) {
      nowMs = Math.max(nowMs, firmware.dueMs(update) ?? nowMs);
      update = firmware.onTime(update, scene());
    } else update = firmware.onCommandEnd(update, { step: update.out.step, ...device.take(command) }, nowMs, scene());
  }
  throw new Error(`no end: ${update.stage}, ${update.reason}`);
}
