/**
 * Carries one job on, step by step, while its replica holds it. All that a step does may be done again by another
 * replica: a device's queue takes each command once by its key, and a device of the job moves only from where it is
 * known to stand.
 */
import type { CommandStatus, JobCounts } from '@cluster/contracts';
import {
  afterResult, cancelled, commandIdOf, commandKey, countsOf, decodeDevice, decodeJob, encodeDevice, encodeJob, finished, isOver, jobView, JobUnreadable,
  following, inOrderOfNames, moveEach, OPEN_BUCKETS, opened, Pace, refused, selected, WAITING_BUCKETS, type Job, type JobDevice, type JobStore, type Selection, type StoredDevice,
} from '@cluster/fleet';
import { EventsUnavailable } from '@cluster/events';
import type { JobWork, Progress } from '@cluster/nest-kit';
import type { NorthboundPort } from '../northbound-port.ts';
import type { JobEvents } from './job-events.ts';

export interface JobTurnDeps {
  readonly jobs: JobStore;
  readonly northbound: Pick<NorthboundPort, 'submit' | 'cancel' | 'command'>;
  readonly selection: Selection;
  readonly events: JobEvents;
  /** The store's clock. */
  readonly timeMs: () => Promise<number>;
}

const PAGE = 500;
const BATCH = 256;
const IN_PARALLEL = 64;
/** How long a job that ended is kept for readers. */
const KEEP_MS = 7 * 86_400_000;
/** A result that did not come so long after its command's time was over is looked up. */
const OVERDUE_MS = 120_000;
const LOOK_EVERY_MS = 5_000;
/** A round over open devices takes a tenth of the time at most. */
const REST_AFTER_LOOK = 9;
const TELL_AGAIN_MS = 5_000;

/** What a runner carries jobs on by. */
export function jobWork(deps: JobTurnDeps): JobWork {
  return { jobs: deps.jobs, turn: (id) => new JobTurn(id, deps), isUnreadable: (error) => error instanceof JobUnreadable };
}

export class JobTurn {
  readonly #id: string;
  readonly #deps: JobTurnDeps;
  #pace: Pace | undefined;
  /** Where the round over open devices stands, and when the next one begins. */
  #openAfter: string | undefined;
  #roundMs = 0;
  #nextLookMs = 0;
  #tellAgainMs = 0;

  constructor(id: string, deps: JobTurnDeps) {
    this.#id = id;
    this.#deps = deps;
  }

  async step(): Promise<Progress> {
    const { jobs, timeMs } = this.#deps;
    const stored = await jobs.loadJob(this.#id);
    if (stored === undefined) return 'over';
    const job = decodeJob(stored.record);
    const counts = countsOf(await jobs.countDevices(this.#id));
    const nowMs = await timeMs();
    if (job.untold !== undefined && (isOver(job) || nowMs >= this.#tellAgainMs)) {
      if (await this.#tell(job, stored.version, counts, nowMs)) return 'busy';
    }
    if (isOver(job)) return this.#retire();
    const end = finished(job, counts, { nowMs, sequence: stored.version + 1 });
    if (end !== undefined) return this.#change(stored.version, end);
    if (job.selecting !== undefined && job.state !== 'paused') return this.#select(job, stored.version, nowMs);
    const did = job.state === 'running' ? await this.#submit(job, counts, nowMs) : job.state === 'cancelling' ? await this.#cancelWaiting(nowMs) : 0;
    const looked = await this.#lookAtOpen(job, nowMs);
    return did > 0 || looked ? 'busy' : 'idle';
  }

  /**
   * Tells the job's state. Without a broker the job goes on, and is told later: an operator's word must not wait for one.
   * But it is not over before its end is told. False: it could not be told.
   */
  async #tell(job: Job, version: number, counts: JobCounts, nowMs: number): Promise<boolean> {
    const { untold, ...told } = job;
    if (untold === undefined) return true;
    try {
      await this.#deps.events.tell(jobView(this.#id, job, counts), untold);
    } catch (error) {
      if (isOver(job) || !(error instanceof EventsUnavailable)) throw error;
      this.#tellAgainMs = nowMs + TELL_AGAIN_MS;
      return false;
    }
    await this.#change(version, told);
    return true;
  }

  async #retire(): Promise<Progress> {
    await this.#deps.jobs.retireJob(this.#id, KEEP_MS);
    return 'over';
  }

  /** A change that met another one is decided again on what is there now. */
  async #change(version: number, next: Job): Promise<Progress> {
    await this.#deps.jobs.changeJob(this.#id, version, encodeJob(next));
    return 'busy';
  }

  /** Takes the next page of targets. The cursor follows them: a page that is taken again adds nobody twice. */
  async #select(job: Job, version: number, nowMs: number): Promise<Progress> {
    const { selecting, ...rest } = job;
    if (job.state === 'cancelling') return this.#change(version, rest);
    const { endpoints, next } = await this.#deps.selection.page(job.selector, selecting?.after, PAGE, job.tenant);
    const value = encodeDevice(selected(nowMs));
    await this.#deps.jobs.moveDevices(this.#id, endpoints.map((endpoint) => ({ endpoint, expected: undefined, next: value })));
    return this.#change(version, next === undefined ? rest : { ...rest, selecting: { after: next } });
  }

  /** Queues the next commands, as many as pace and bound allow. Returns how many devices were served. */
  async #submit(job: Job, counts: JobCounts, nowMs: number): Promise<number> {
    this.#pace ??= new Pace(job.ratePerSecond, nowMs);
    const allowed = Math.min(BATCH, this.#pace.available(nowMs), job.maxInFlight - (counts.open - counts.away));
    if (allowed <= 0 || counts.waiting === 0) return 0;
    const waiting = await this.#waiting(allowed);
    this.#pace.take(waiting.length);
    await this.#moveEach(waiting, (endpoint, device) => this.#queue(job, endpoint, device, nowMs));
    return waiting.length;
  }

  async #waiting(limit: number): Promise<StoredDevice[]> {
    const found: StoredDevice[] = [];
    for (const bucket of WAITING_BUCKETS) {
      if (found.length < limit) found.push(...(await this.#deps.jobs.listDevices(this.#id, { bucket, limit: limit - found.length })));
    }
    return found;
  }

  async #queue(job: Job, endpoint: string, device: JobDevice, nowMs: number): Promise<JobDevice | undefined> {
    const command = job.commands[device.step];
    if (command === undefined) return refused(device, 'COMMAND_MALFORMED', nowMs);
    const keyed = { ...command, ttlS: job.ttlS, idempotencyKey: commandKey(this.#id, device.step) };
    const submission = await this.#deps.northbound.submit(endpoint, keyed);
    switch (submission.outcome) {
      case 'accepted':
        return opened(device, nowMs, isAway(submission.status));
      case 'repeated':
        return afterResult(device, resultOf(submission.status, device.step), job.commands.length, nowMs) ?? opened(device, nowMs);
      case 'unknown-endpoint':
        return refused(device, 'ENDPOINT_UNKNOWN', nowMs);
      case 'queue-full':
      case 'tenant-full':
        return refused(device, 'QUEUE_FULL', nowMs);
      case 'too-fast':
        return undefined;
      case 'malformed':
        return refused(device, 'COMMAND_MALFORMED', nowMs);
    }
  }

  /** Ends the devices that have no command in their queue. Returns how many. */
  async #cancelWaiting(nowMs: number): Promise<number> {
    const waiting = await this.#waiting(PAGE);
    await this.#moveEach(waiting, async (_endpoint, device) => cancelled(device, nowMs));
    return waiting.length;
  }

  /**
   * Goes through the devices whose command is queued, a page at a time: takes it out of the queue where the job is being
   * cancelled, else looks whether it can leave, and whether its result got lost. True: the round goes on.
   */
  async #lookAtOpen(job: Job, nowMs: number): Promise<boolean> {
    if (this.#openAfter === undefined && nowMs < this.#nextLookMs) return false;
    if (this.#openAfter === undefined) this.#roundMs = nowMs;
    const page = await this.#openPage(this.#openAfter);
    const cancelling = job.state === 'cancelling';
    const concerned = page.filter(({ value }) => cancelling || decodeDevice(value).sinceMs <= nowMs - LOOK_EVERY_MS);
    await this.#moveEach(concerned, (endpoint, device) => this.#settle(job, endpoint, device, nowMs));
    this.#openAfter = page.length < BATCH ? undefined : page.at(-1)?.endpoint;
    if (this.#openAfter === undefined) {
      this.#nextLookMs = nowMs + (cancelling ? 1_000 : Math.max(LOOK_EVERY_MS, REST_AFTER_LOOK * (nowMs - this.#roundMs)));
    }
    return this.#openAfter !== undefined;
  }

  async #openPage(after: string | undefined): Promise<StoredDevice[]> {
    const from = { limit: BATCH, ...(after === undefined ? {} : { after }) };
    const found = await Promise.all(OPEN_BUCKETS.map((bucket) => this.#deps.jobs.listDevices(this.#id, { bucket, ...from })));
    return inOrderOfNames(found.flat()).slice(0, BATCH);
  }

  async #settle(job: Job, endpoint: string, device: JobDevice, nowMs: number): Promise<JobDevice | undefined> {
    const { northbound } = this.#deps;
    const id = commandIdOf(this.#id, device.step);
    if (job.state === 'cancelling') {
      const outcome = await northbound.cancel(endpoint, id);
      if (outcome === 'cancelled') return cancelled(device, nowMs);
      if (outcome === 'in-flight') return undefined;
    }
    const status = await northbound.command(endpoint, id);
    if (status !== undefined) {
      return afterResult(device, resultOf(status, device.step), job.commands.length, nowMs) ?? following(device, isAway(status));
    }
    // Its entry went with the registration, which tells the end of each: that result may still be under way.
    const patienceMs = OVERDUE_MS + (job.state === 'cancelling' ? 0 : job.ttlS * 1_000);
    return device.sinceMs < nowMs - patienceMs ? { state: 'outcome-unknown', step: device.step, sinceMs: nowMs } : undefined;
  }

  #moveEach(devices: readonly StoredDevice[], decide: (endpoint: string, device: JobDevice) => Promise<JobDevice | undefined>): Promise<void> {
    return moveEach(this.#deps.jobs, this.#id, devices, IN_PARALLEL, async (endpoint, value) => {
      const next = await decide(endpoint, decodeDevice(value));
      return next && encodeDevice(next);
    });
  }
}

/** What a command waits for that can not leave, however long its device listens. */
const AWAY = new Set(['registration', 'device-message', 'byte-quota']);

function isAway({ waitsFor }: CommandStatus): boolean {
  return waitsFor !== undefined && AWAY.has(waitsFor);
}

function resultOf({ state, response }: CommandStatus, step: number): Parameters<typeof afterResult>[1] {
  return { step, state, code: response?.code };
}
