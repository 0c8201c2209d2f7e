/**
 * A device that asks anew may reach another process: the session that it had before ends wherever it is. Told by doorbell,
 * which may get lost; a device without an address any more then times out.
 */
import type { ClusterStore, DeviceNumber } from '@cluster/session';

/** All bootstrap processes hear it. */
const BELL = 'bootstrap-sessions';
const REMEMBERED = 100_000;

export class OtherProcesses {
  readonly #cluster: Pick<ClusterStore, 'ring' | 'onRing'>;
  readonly #replaced: (endpoint: string) => void;
  /** Devices whose last session began here, and how many of our own bells for them are still to be heard. */
  readonly #here = new Map<DeviceNumber, { readonly endpoint: string; own: number }>();
  #unring: (() => Promise<void>) | undefined;

  constructor(cluster: Pick<ClusterStore, 'ring' | 'onRing'>, replaced: (endpoint: string) => void) {
    this.#cluster = cluster;
    this.#replaced = replaced;
  }

  async start(): Promise<void> {
    this.#unring ??= await this.#cluster.onRing(BELL, (number) => this.#heard(number));
  }

  async stop(): Promise<void> {
    await this.#unring?.();
  }

  /** A session of the device begins here. */
  begins(endpoint: string, number: DeviceNumber): void {
    const known = this.#here.get(number);
    this.#here.delete(number);
    this.#here.set(number, { endpoint, own: (known?.own ?? 0) + 1 });
    if (this.#here.size > REMEMBERED) this.#here.delete(this.#here.keys().next().value!);
    this.#cluster.ring([{ worker: BELL, number }]).catch(() => undefined);
  }

  #heard(number: DeviceNumber): void {
    const here = this.#here.get(number);
    if (here === undefined) return;
    if (here.own > 0) {
      here.own -= 1;
      return;
    }
    this.#here.delete(number);
    this.#replaced(here.endpoint);
  }
}
