/**
 * The life behind object 5 of a simulated device: it takes packages, pulls them, installs them, reboots, and fails in each of
 * the ways that the object knows, as it is told.
 */
import { createHash } from 'node:crypto';
import type { Path } from '@cluster/lwm2m';
import { fetchPackage } from './fetch-package.ts';
import type { SimulatedDevice } from './simulated-device.ts';

/** What it does otherwise than well. */
export interface FirmwareTroubles {
  /** The Update Result in which each download ends; 4: its connection breaks in the middle. */
  readonly downloadResult?: number;
  /** The Update Result in which each installation ends. */
  readonly updateResult?: number;
  /** It refuses pushes that are larger, by 4.13, and pulls by result 2. */
  readonly flashBytes?: number;
  /** It never comes back from its reboot. */
  readonly staysAway?: boolean;
  /** It forgets over its reboot how the update ended. */
  readonly losesResult?: boolean;
  /** Values that its new firmware begins with, by their paths, instead of those that it had. */
  readonly beginsWith?: Readonly<Record<string, string | number>>;
}

const STATE = '/5/0/3';
const RESULT = '/5/0/5';

export class SimulatedFirmware {
  /** SHA-256 of each package that it took. */
  readonly taken: string[] = [];
  readonly #device: SimulatedDevice;
  readonly #becomes: string;
  readonly #troubles: FirmwareTroubles;

  /** `becomes`: the version that it runs after an update. */
  constructor(device: SimulatedDevice, becomes: string, troubles: FirmwareTroubles = {}) {
    this.#device = device;
    this.#becomes = becomes;
    this.#troubles = troubles;
    const { refusal } = device;
    device.refusal = (operation, path) => refusal(operation, path) ?? this.#refusal(operation, path);
    device.on('written', ({ path, values, payload }) => this.#written(path, values[0]?.value, payload));
    device.on('executed', ({ path }) => {
      if (path.join('/') === '5/0/2') this.#later(() => this.#install());
    });
  }

  #refusal(operation: string, path: Path): string | undefined {
    // OMA LwM2M registry, object 5: Update is only executable in the state Downloaded.
    return operation === 'execute' && path.join('/') === '5/0/2' && this.#device.getValue(STATE) !== 2 ? '4.05' : undefined;
  }

  #written(path: Path, value: unknown, payload: Uint8Array): void {
    const name = path.join('/');
    if (name === '5/0/0') this.#pushed(payload);
    if (name === '5/0/1' && value === '') this.#set(0, 0);
    else if (name === '5/0/1' && typeof value === 'string') this.#later(() => this.#pull(value));
  }

  #pushed(payload: Uint8Array): void {
    if (payload.length === 0 || (payload.length === 1 && payload[0] === 0)) return this.#set(0, 0);
    this.#took(payload);
  }

  async #pull(uri: string): Promise<void> {
    this.#set(1, 0);
    if (this.#troubles.downloadResult === 4) return this.#set(0, 4);
    const bytes = await fetchPackage(this.#device, uri);
    if (bytes === undefined) this.#set(0, 7);
    else this.#took(bytes);
  }

  #took(bytes: Uint8Array): void {
    const { downloadResult = 0, flashBytes = Infinity } = this.#troubles;
    if (bytes.length > flashBytes) return this.#set(0, 2);
    if (downloadResult !== 0) return this.#set(0, downloadResult);
    this.taken.push(createHash('sha256').update(bytes).digest('hex'));
    this.#set(2, 0);
  }

  async #install(): Promise<void> {
    const { updateResult = 1, staysAway, losesResult, beginsWith = {} } = this.#troubles;
    this.#set(3, 0);
    if (staysAway === true) return this.#device.kill();
    if (updateResult !== 1) return this.#set(2, updateResult);
    this.#device.setValue('/3/0/3', this.#becomes);
    for (const [path, value] of Object.entries(beginsWith)) this.#device.setValue(path, value);
    this.#set(0, losesResult === true ? 0 : 1);
    await this.#device.register();
  }

  /** The result first: with the state an end is told. */
  #set(state: number, result: number): void {
    this.#device.setValue(RESULT, result);
    this.#device.setValue(STATE, state);
  }

  /** Once the answer that is being made has left. */
  #later(work: () => Promise<void>): void {
    setImmediate(() => void work().catch((error: unknown) => this.#device.emit('failed', error as Error)));
  }
}
