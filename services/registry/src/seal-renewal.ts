/**
 * Seals credentials and bootstrap configurations anew after the master secret was changed, so that the former one can be taken out of the file. Every
 * replica does it; what one has done the others find done.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '@cluster/nest-kit';
import { type ConfigurationStore, type CredentialDesk, type ReadModelStore, CredentialsUnreadable } from '@cluster/session';
import type { Metrics } from '@cluster/telemetry';

interface Deps {
  readonly desk: Pick<CredentialDesk, 'reseal'>;
  readonly configurations: Pick<ConfigurationStore, 'reseal' | 'resealOwn'>;
  readonly directory: Pick<ReadModelStore, 'list'>;
  readonly metrics: Metrics;
  readonly log: Log;
  readonly retryMs?: number;
}

const PAGE = 200;
const AT_ONCE = 8;
const RETRY_MS = 5_000;

export class SealRenewal {
  readonly #deps: Deps;
  readonly #stopping = new AbortController();
  #runs = 0;
  #running: Promise<void> = Promise.resolve();

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** Goes through all endpoints, from the beginning if it is under way: the secret has changed once more. */
  start(): void {
    const run = ++this.#runs;
    this.#running = this.#running.then(() => this.#run(run));
  }

  async close(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(run: number): Promise<void> {
    const { directory, configurations, log } = this.#deps;
    const told = { renewed: 0, unreadable: 0 };
    let after: string | undefined;
    while (run === this.#runs && !this.#stopping.signal.aborted) {
      try {
        const page = await directory.list({ limit: PAGE, ...(after === undefined ? {} : { after }) });
        for (let i = 0; i < page.length; i += AT_ONCE) {
          await Promise.all(page.slice(i, i + AT_ONCE).map(({ endpoint }) => this.#renew(endpoint, told)));
        }
        after = page.at(-1)?.endpoint;
        if (after !== undefined) continue;
        await configurations.reseal();
        log.info(told, 'all credentials are sealed with the newest master secret');
        return;
      } catch (error) {
        log.warn({ err: error }, 'credentials can not be sealed anew yet');
        await sleep(this.#deps.retryMs ?? RETRY_MS, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
      }
    }
  }

  async #renew(endpoint: string, told: { renewed: number; unreadable: number }): Promise<void> {
    await this.#deps.configurations.resealOwn(endpoint);
    try {
      if (!(await this.#deps.desk.reseal(endpoint))) return;
      told.renewed++;
      this.#deps.metrics.counter('lwm2m_credentials_resealed_total', 'Credentials that were sealed with a newer master secret').inc();
    } catch (error) {
      if (!(error instanceof CredentialsUnreadable)) throw error;
      told.unreadable++;
    }
  }
}
