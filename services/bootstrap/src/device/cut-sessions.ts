/**
 * Finds sessions whose process ended in their middle: what is still under way when no client waits any more is kept as
 * `cut`. Every process looks; two that find the same one keep the same, and tell of it under the same id.
 */
import type { BootstrapSessionStore } from '@cluster/session';
import type { Logger } from '@cluster/telemetry';
import { decodeOpen } from './open-session.ts';
import type { Recorder } from './recorder.ts';
import { sessionIdsBefore } from './session-id.ts';

interface Deps {
  readonly store: Pick<BootstrapSessionStore, 'openBootstrapSessions'>;
  readonly recorder: Pick<Recorder, 'keep'>;
  /** The store's clock. */
  readonly nowMs: () => number;
  readonly log: Logger;
}

const EVERY_MS = 30_000;
/** EXCHANGE_LIFETIME, RFC 7252 §4.8.2: so long a client waits. OMA LwM2M Core 1.1 §6.1.7.6 */
const CLIENT_WAITS_MS = 247_000;
const PAGE = 100;

export class CutSessions {
  readonly #deps: Deps;
  #timer: NodeJS.Timeout | undefined;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** Looks now, and then every half minute. */
  async start(): Promise<void> {
    this.#timer = setInterval(() => void this.#look().catch((err: unknown) => this.#deps.log.debug({ err }, 'cut sessions were not looked for')), EVERY_MS).unref();
    await this.#look();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    const { store, recorder, nowMs } = this.#deps;
    let before: string | undefined = sessionIdsBefore(nowMs() - CLIENT_WAITS_MS);
    while (before !== undefined) {
      const found = await store.openBootstrapSessions({ before, limit: PAGE });
      for (const { record } of found) {
        const { view, number } = decodeOpen(record);
        const endedAt = new Date(Date.parse(view.startedAt) + CLIENT_WAITS_MS).toISOString();
        recorder.keep({ ...view, outcome: 'cut', endedAt, detail: 'its process ended before it' }, number);
      }
      before = found.length === PAGE ? found.at(-1)?.id : undefined;
    }
  }
}
