/** Makes the cluster's topics again when somebody finds that one is gone: deleted, or lost with the brokers' disks. */
import { createMissing, withAdmin, type TopicPlan } from './admin.ts';
import { noLogger } from './client.ts';

/** Whoever meets a missing topic asks it to be made. */
export interface TopicMaker {
  /** What the process needs, whether it is there or not. */
  readonly topics: readonly string[];
  /** Tries to make those of these topics that are missing, unless it was tried just now. Never rejects. */
  make(topics: readonly string[]): Promise<void>;
}

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;

/** One for a process: attempts of all of its parts are throttled together. */
export class TopicKeeper implements TopicMaker {
  readonly topics: readonly string[];
  readonly #plan: TopicPlan;
  #attempt: Promise<void> | undefined;
  #notBeforeMs = -Infinity;
  #pauseMs = FIRST_PAUSE_MS;

  constructor(plan: TopicPlan) {
    this.#plan = plan;
    this.topics = plan.topics;
  }

  make(topics: readonly string[]): Promise<void> {
    const own = topics.filter((topic) => this.topics.includes(topic));
    if (own.length === 0 || this.#plan.create === false) return Promise.resolve();
    this.#attempt ??= this.#try(own).finally(() => (this.#attempt = undefined));
    return this.#attempt;
  }

  async #try(topics: readonly string[]): Promise<void> {
    if (performance.now() < this.#notBeforeMs) return;
    const logger = this.#plan.logger ?? noLogger;
    try {
      await withAdmin(this.#plan, (admin) => createMissing(admin, { ...this.#plan, topics }));
      logger.warn({ topics }, 'missing topics were made');
      this.#pauseMs = FIRST_PAUSE_MS;
    } catch (error) {
      logger.warn({ err: error, topics }, 'missing topics can not be made');
      this.#pauseMs = Math.min(2 * this.#pauseMs, LONGEST_PAUSE_MS);
    }
    this.#notBeforeMs = performance.now() + this.#pauseMs;
  }
}
