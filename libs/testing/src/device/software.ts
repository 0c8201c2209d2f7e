/**
 * The life behind object 9 of a simulated device: its instances take packages, pull them, install, activate and uninstall
 * them, and fail in each of the ways that the object knows, as they are told.
 */
import { createHash } from 'node:crypto';
import type { Path } from '@cluster/lwm2m';
import { fetchPackage } from './fetch-package.ts';
import type { SimulatedDevice } from './simulated-device.ts';

/** What it does otherwise than well. */
export interface SoftwareTroubles {
  /** The Update Result in which each download ends. */
  readonly downloadResult?: number;
  /** The Update Result in which each installation, or uninstallation, ends. */
  readonly installResult?: number;
  readonly uninstallResult?: number;
  /** It takes Activate and stays inactive. */
  readonly staysInactive?: boolean;
  /** Its user installs what is delivered. */
  readonly installsByItself?: boolean;
}

const State = { INITIAL: 0, DOWNLOAD_STARTED: 1, DELIVERED: 3, INSTALLED: 4 } as const;
const Result = { INITIAL: 0, DOWNLOADING: 1, INSTALLED: 2, VERIFIED: 3, CONNECTION_LOST: 52, INVALID_URI: 56 } as const;
const EXECUTES: Readonly<Record<number, readonly number[]>> = { 4: [State.DELIVERED], 6: [State.DELIVERED, State.INSTALLED], 10: [State.INSTALLED], 11: [State.INSTALLED] };

export class SimulatedSoftware {
  /** SHA-256 of each package that it took. */
  readonly taken: string[] = [];
  readonly #device: SimulatedDevice;
  readonly #becomes: string;
  readonly #troubles: SoftwareTroubles;

  /** `becomes`: the version that an instance tells once it is installed. */
  constructor(device: SimulatedDevice, becomes: string, troubles: SoftwareTroubles = {}) {
    this.#device = device;
    this.#becomes = becomes;
    this.#troubles = troubles;
    const { refusal } = device;
    device.refusal = (operation, path) => refusal(operation, path) ?? this.#refusal(operation, path);
    device.on('created', (path) => this.#born(path));
    device.on('written', ({ path, values, payload }) => this.#written(path, values[0]?.value, payload));
    device.on('executed', ({ path }) => this.#executed(path));
  }

  /** OMA LwM2M registry, object 9: Install, Uninstall, Activate and Deactivate have the states in which they are executable. */
  #refusal(operation: string, [object, instance = 0, id = -1]: Path): string | undefined {
    const states = operation === 'execute' && object === 9 ? EXECUTES[id] : undefined;
    const state = Number(this.#device.getValue(`/9/${instance}/7`));
    return states === undefined || states.includes(state) ? undefined : '4.05';
  }

  #born([object, instance = 0]: Path): void {
    if (object !== 9) return;
    this.#tell(instance, '');
    this.#set(instance, State.INITIAL, Result.INITIAL, false);
  }

  #written([object, instance = 0, id]: Path, value: unknown, payload: Uint8Array): void {
    if (object !== 9) return;
    if (id === 2) this.#took(instance, payload);
    if (id === 3 && typeof value === 'string') this.#later(() => this.#pull(instance, value));
  }

  #executed([object, instance = 0, id]: Path): void {
    if (object !== 9) return;
    const { staysInactive } = this.#troubles;
    if (id === 4) this.#later(() => this.#install(instance));
    if (id === 6) this.#later(() => this.#uninstall(instance));
    if (id === 10 || id === 11) this.#device.setValue(`/9/${instance}/12`, id === 10 && staysInactive !== true);
  }

  async #pull(instance: number, uri: string): Promise<void> {
    this.#set(instance, State.DOWNLOAD_STARTED, Result.DOWNLOADING, false);
    if (this.#troubles.downloadResult === Result.CONNECTION_LOST) return this.#set(instance, State.INITIAL, Result.CONNECTION_LOST, false);
    const bytes = await fetchPackage(this.#device, uri);
    if (bytes === undefined) this.#set(instance, State.INITIAL, Result.INVALID_URI, false);
    else this.#took(instance, bytes);
  }

  #took(instance: number, bytes: Uint8Array): void {
    const { downloadResult, installsByItself } = this.#troubles;
    if (downloadResult !== undefined) return this.#set(instance, State.INITIAL, downloadResult, false);
    this.taken.push(createHash('sha256').update(bytes).digest('hex'));
    this.#set(instance, State.DELIVERED, Result.VERIFIED, false);
    if (installsByItself === true) this.#later(() => this.#install(instance));
  }

  async #install(instance: number): Promise<void> {
    const { installResult = Result.INSTALLED } = this.#troubles;
    if (installResult !== Result.INSTALLED) return this.#set(instance, State.DELIVERED, installResult, false);
    this.#tell(instance, this.#becomes);
    this.#set(instance, State.INSTALLED, Result.INSTALLED, false);
  }

  async #uninstall(instance: number): Promise<void> {
    const { uninstallResult } = this.#troubles;
    if (uninstallResult !== undefined) return this.#device.setValue(`/9/${instance}/9`, uninstallResult);
    this.#tell(instance, '');
    this.#set(instance, State.INITIAL, Result.INITIAL, false);
  }

  #tell(instance: number, version: string): void {
    this.#device.setValue(`/9/${instance}/0`, version === '' ? '' : `software ${instance}`);
    this.#device.setValue(`/9/${instance}/1`, version);
  }

  /** The state last: with it an end is told. */
  #set(instance: number, state: number, result: number, active: boolean): void {
    this.#device.setValue(`/9/${instance}/12`, active);
    this.#device.setValue(`/9/${instance}/9`, result);
    this.#device.setValue(`/9/${instance}/7`, state);
  }

  /** Once the answer that is being made has left. */
  #later(work: () => Promise<void>): void {
    setImmediate(() => void work().catch((error: unknown) => this.#device.emit('failed', error as Error)));
  }
}
