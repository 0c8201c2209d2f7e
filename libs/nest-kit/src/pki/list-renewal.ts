/** Keeps the published revocation list young, and complete where a revocation was cut short. */
import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import type { Log } from '../logger.ts';
import { PKI, type Pki } from './pki-ports.ts';

export const PKI_LOG = Symbol('pki log');
const EVERY_MS = 60_000;

@Injectable()
export class ListRenewal implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #pki: Pki;
  readonly #log: Log;
  #timer: NodeJS.Timeout | undefined;
  #complained = false;

  constructor(@Inject(PKI) pki: Pki, @Inject(PKI_LOG) log: Log) {
    this.#pki = pki;
    this.#log = log;
  }

  onApplicationBootstrap(): void {
    void this.renew();
    this.#timer = setInterval(() => void this.renew(), EVERY_MS).unref();
  }

  onModuleDestroy(): void {
    clearInterval(this.#timer);
  }

  /** Where it fails it is told once, and tried again later. */
  async renew(): Promise<void> {
    try {
      await this.#pki.revocations.renew(await this.#pki.timeMs());
      this.#complained = false;
    } catch (err) {
      if (!this.#complained) this.#log.warn({ err }, 'the revocation list can not be published');
      this.#complained = true;
    }
  }
}
