/** Looks after updates that are due, and after uploads that nobody goes on with. */
import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { setTimeout as delay } from 'node:timers/promises';
import type { Log } from '@cluster/nest-kit';
import type { UpdateStore } from '@cluster/firmware';
import type { FirmwareDeps, FirmwareOptions } from '../options.ts';
import { PackageDesk } from '../packages/package-desk.ts';
import type { Turn } from './turn.ts';

const TAKEN_AT_ONCE = 256;
const IN_PARALLEL = 16;
const CLEAR_EVERY_MS = 600_000;

/** Updates of one kind, and who takes their turns. */
export interface Work {
  readonly store: Pick<UpdateStore, 'takeDueUpdates'>;
  readonly turn: Pick<Turn<never, never>, 'carryOn'>;
}

@Injectable()
export class UpdateRunner implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #works: readonly Work[];
  readonly #packages: PackageDesk;
  readonly #sessions: Pick<FirmwareDeps['sessions'], 'timeMs'>;
  readonly #options: Pick<FirmwareOptions, 'pollMs' | 'leaseMs'>;
  readonly #log: Log;
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;
  #clearAtMs = 0;

  constructor(
    works: readonly Work[], packages: PackageDesk, sessions: Pick<FirmwareDeps['sessions'], 'timeMs'>, options: Pick<FirmwareOptions, 'pollMs' | 'leaseMs'>, log: Log,
  ) {
    this.#works = works;
    this.#packages = packages;
    this.#sessions = sessions;
    this.#options = options;
    this.#log = log;
  }

  onApplicationBootstrap(): void {
    this.#running ??= this.#run();
  }

  /** What is under way ends; what is due goes to others. */
  async onModuleDestroy(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      try {
        const taken = await this.#look();
        if (taken >= TAKEN_AT_ONCE) continue;
      } catch (error) {
        this.#log.debug({ err: error }, 'updates can not be looked for');
      }
      await delay(this.#options.pollMs, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
    }
  }

  /** The most that were due of one kind. */
  async #look(): Promise<number> {
    const nowMs = await this.#sessions.timeMs();
    const taken = await Promise.all(this.#works.map((work) => this.#carryOnDue(work, nowMs)));
    if (nowMs >= this.#clearAtMs) {
      this.#clearAtMs = nowMs + CLEAR_EVERY_MS;
      await this.#packages.removeAbandoned();
    }
    return Math.max(...taken);
  }

  async #carryOnDue({ store, turn }: Work, nowMs: number): Promise<number> {
    const due = await store.takeDueUpdates(nowMs, this.#options.leaseMs, TAKEN_AT_ONCE);
    const left = [...due];
    const takeTurns = async (): Promise<void> => {
      for (let one = left.shift(); one !== undefined; one = left.shift()) await this.#carryOn(turn, one);
    };
    await Promise.all(Array.from({ length: Math.min(IN_PARALLEL, left.length) }, takeTurns));
    return due.length;
  }

  /** One that fails is due again; it holds no other up. */
  async #carryOn(turn: Work['turn'], endpoint: string): Promise<void> {
    await turn.carryOn(endpoint).catch((error: unknown) => this.#log.warn({ err: error, endpoint }, 'an update could not be carried on; trying again'));
  }
}
