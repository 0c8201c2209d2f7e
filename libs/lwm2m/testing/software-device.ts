/** A device with object 9 in a few lines, and a server that works on its software: for tests of what the two make of each other. */
import type { CommandRequest } from '@cluster/contracts';
import { software, type firmware } from '../src/index.ts';
import type { CommandOutcome } from './firmware-device.ts';

export interface SoftwareTraits {
  /** First state; 4 with `version`. */
  readonly state?: number;
  readonly result?: number;
  readonly active?: boolean;
  readonly version?: string;
  /** The Update Result in which a download, an installation or an uninstallation ends. */
  readonly downloadResult?: number;
  readonly installResult?: number;
  readonly uninstallResult?: number;
  /** The version that it tells after an installation; the package's unless told. */
  readonly becomes?: string;
  /** Codes that it answers operations on these paths with, instead of carrying them out. */
  readonly refuses?: Readonly<Record<string, string>>;
  /** It takes these operations and does nothing. */
  readonly ignores?: readonly string[];
  /** It has no instance until one is made. */
  readonly bare?: boolean;
  /** It removes the instance with what was installed in it. */
  readonly removesInstance?: boolean;
  /** It stays in DOWNLOAD STARTED. */
  readonly slow?: boolean;
}

const DONE = { state: 'done', code: '2.04', values: [] } as const satisfies CommandOutcome;
const NOT_FOUND = { state: 'done', code: '4.04', values: [] } as const satisfies CommandOutcome;

/** What it does at once: it downloads and installs within the command that asks for it. */
export class SoftwareDevice {
  state: number;
  result: number;
  active: boolean;
  version: string;
  there: boolean;
  readonly asked: string[] = [];
  readonly #traits: SoftwareTraits;

  constructor(traits: SoftwareTraits) {
    this.#traits = traits;
    this.state = traits.state ?? (traits.version === undefined ? 0 : 4);
    this.result = traits.result ?? 0;
    this.active = traits.active ?? false;
    this.version = traits.version ?? '';
    this.there = traits.bare !== true;
  }

  take({ op, path = '', value, package: pushed, arguments: list }: CommandRequest): CommandOutcome {
    const request = `${op} ${path}${list === undefined ? '' : ` ${list}`}`;
    this.asked.push(request);
    const refusal = this.#traits.refuses?.[request];
    if (refusal !== undefined) return { state: 'done', code: refusal, values: [] };
    if (this.#traits.ignores?.includes(request) === true) return DONE;
    if (path === '/3/0') return { state: 'done', code: '2.05', values: [{ path: '/3/0/0', value: 'ACME' }] };
    if (op === 'create') return this.#create();
    if (!this.there) return NOT_FOUND;
    if (op === 'read' || op === 'observe') return { state: 'done', code: '2.05', values: this.object() };
    if (typeof value === 'string' || pushed !== undefined) this.#download();
    if (path.endsWith('/4')) return this.#install();
    if (path.endsWith('/6')) this.#uninstall();
    if (path.endsWith('/10') || path.endsWith('/11')) this.active = path.endsWith('/10');
    return DONE;
  }

  object(): firmware.TellingValue[] {
    const { version, state, result, active } = this;
    return [{ path: '/9/2/1', value: version }, { path: '/9/2/7', value: state }, { path: '/9/2/9', value: result }, { path: '/9/2/12', value: active }];
  }

  #create(): CommandOutcome {
    this.there = true;
    return { state: 'done', code: '2.01', values: [] };
  }

  #download(): void {
    const { downloadResult = 3, slow } = this.#traits;
    if (slow === true) [this.state, this.result] = [1, 1];
    else [this.state, this.result] = [downloadResult === 3 ? 3 : 0, downloadResult];
  }

  #install(): CommandOutcome {
    if (this.state !== 3) return { state: 'done', code: '4.05', values: [] };
    const { installResult = 2, becomes = '2.0' } = this.#traits;
    this.result = installResult;
    if (installResult === 2) [this.state, this.version] = [4, becomes];
    return DONE;
  }

  #uninstall(): void {
    const { uninstallResult = 0, removesInstance } = this.#traits;
    this.result = uninstallResult;
    if (uninstallResult !== 0) return;
    [this.state, this.active, this.version] = [0, false, ''];
    if (removesInstance === true) this.there = false;
  }
}

export const INSTALL = { state: 'active', delivery: 'auto', install: 'server', force: false, downloadTimeoutS: 3_600, installTimeoutS: 600 } as const;

/** Drives an operation to its end, stored and read back before each step; time goes on where nothing is to be done. */
export function driveSoftware(
  device: SoftwareDevice, desired: Partial<software.DesiredSoftware> = {},
  between: (operation: software.SoftwareOperation, scene: firmware.FirmwareScene) => software.SoftwareOperation = (operation) => operation,
): software.SoftwareOperation {
  let nowMs = 1_000;
  const scene = (): firmware.FirmwareScene => ({ nowMs, served: ['coap', 'coaps'] });
  const wanted = { id: 'u', instance: 2, package: { id: 'p'.repeat(22), version: '2.0', target: {} }, request: INSTALL, secure: false, ...desired };
  let operation = software.begin(wanted, scene());
  for (let step = 0; step < 500; step++) {
    operation = software.decodeSoftware(software.encodeSoftware({ instances: [between(operation, scene())] })).instances[0]!;
    if (software.dueMs({ instances: [{ ...operation, untold: [] }] }) === undefined) return operation;
    nowMs += 10;
    const command = software.commandOf(operation, () => 'coap://server/fw');
    if (command === undefined || operation.out === undefined) {
      nowMs = Math.max(nowMs, software.dueMs({ instances: [operation] }) ?? nowMs);
      operation = software.onTime(operation, scene());
    } else operation = software.onCommandEnd(operation, { step: operation.out.step, ...device.take(command) }, nowMs, scene());
  }
  throw new Error(`no end: ${operation.stage}, ${operation.reason}`);
}
