/**
 * Carries on the jobs or campaigns that this replica could take. Each is held by a lease that runs out: when its replica
 * dies, another goes on where the store says that it stands.
 */
import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { setTimeout as delay } from 'node:timers/promises';
import type { JobStore } from '@cluster/fleet';
import type { Log } from './logger.ts';

export interface JobRunnerSettings {
  /** Between looks for jobs that nobody carries on. */
  readonly pollMs: number;
  /** Between looks at a job that has nothing to do: at first, and at most, where it stays so. */
  readonly idleMs: number;
  readonly idleMostMs: number;
  /** After a step that failed. */
  readonly retryMs: number;
  readonly leaseMs: number;
}

/** `busy`: there is more to do at once; `idle`: look again later; `over`: nobody has to carry it on. */
export type Progress = 'busy' | 'idle' | 'over';

/** The work that is carried on. */
export interface JobWork {
  readonly jobs: Pick<JobStore, 'activeJobs' | 'takeJob' | 'giveJob'>;
  /** What carries one job on while this replica holds it, step by step. */
  readonly turn: (id: string) => { step(): Promise<Progress> };
  /** Whether a step failed since only a newer version can read the job: another replica may know more. */
  readonly isUnreadable: (error: unknown) => boolean;
}

@Injectable()
export class JobRunner implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #work: JobWork;
  readonly #worker: string;
  readonly #settings: JobRunnerSettings;
  readonly #log: Log;
  readonly #stopping = new AbortController();
  readonly #running = new Map<string, Promise<void>>();
  #polling: Promise<void> | undefined;

  /** `worker` names this replica among the others. */
  constructor(work: JobWork, worker: string, settings: JobRunnerSettings, log: Log) {
    this.#work = work;
    this.#worker = worker;
    this.#settings = settings;
    this.#log = log;
  }

  /** Jobs that this replica carries on. */
  get size(): number {
    return this.#running.size;
  }

  onApplicationBootstrap(): void {
    this.#polling ??= this.#poll();
  }

  /** Finishes the steps that are under way and gives all jobs back. */
  async onModuleDestroy(): Promise<void> {
    this.#stopping.abort();
    await this.#polling;
    await Promise.all(this.#running.values());
  }

  /** A job was made or changed: no need to wait for the next look. */
  wake(id: string): void {
    if (this.#stopping.signal.aborted || this.#running.has(id)) return;
    this.#running.set(id, this.#run(id).finally(() => this.#running.delete(id)));
  }

  async #poll(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      try {
        for (const id of await this.#work.jobs.activeJobs()) this.wake(id);
      } catch (error) {
        this.#log.debug({ err: error }, 'jobs can not be looked for');
      }
      await this.#sleep(this.#settings.pollMs);
    }
  }

  async #run(id: string): Promise<void> {
    const { jobs, turn: turnOf, isUnreadable } = this.#work;
    const turn = turnOf(id);
    let leasedUntilMs = 0;
    let { idleMs } = this.#settings;
    while (!this.#stopping.signal.aborted) {
      try {
        if (performance.now() > leasedUntilMs) {
          if (!(await jobs.takeJob(id, this.#worker, this.#settings.leaseMs))) return;
          leasedUntilMs = performance.now() + this.#settings.leaseMs / 3;
        }
        const progress = await turn.step();
        if (progress === 'over') break;
        if (progress === 'idle') await this.#sleep(idleMs);
        idleMs = progress === 'idle' ? Math.min(idleMs * 1.5, this.#settings.idleMostMs) : this.#settings.idleMs;
      } catch (error) {
        if (isUnreadable(error)) break;
        this.#log.warn({ err: error, job: id }, 'a step of a job failed; trying again');
        await this.#sleep(this.#settings.retryMs);
      }
    }
    await jobs.giveJob(id, this.#worker).catch(() => undefined);
  }

  async #sleep(ms: number): Promise<void> {
    await delay(ms, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
  }
}
