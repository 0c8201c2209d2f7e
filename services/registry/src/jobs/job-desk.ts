/** What callers do with jobs: start, look at, pause, go on with, cancel. */
import { Injectable } from '@nestjs/common';
import type { JobDevicePage, JobDevicesQuery, JobPage, JobRequest, JobView, PageQuery } from '@cluster/contracts';
import {
  act, countsOf, decodeDevice, decodeJob, deviceView, encodeJob, inOrderOfNames, isStartedBy, jobView, JobUnreadable, newJob, stateOfBucket,
  type JobAction, type JobStore, type JobTarget, type StoredJob,
} from '@cluster/fleet';
import { ApiError, type Caller, checkChange, fromCursor, idempotentId, type JobRunner, toCursor } from '@cluster/nest-kit';
import { Contended } from '@cluster/session';
import type { NorthboundPort } from '../northbound-port.ts';
import { keyReused } from '../rest/errors.ts';
import type { GroupDesk } from './group-desk.ts';

const TRIES = 8;
/** Jobs that are carried on at the same time. */
const ACTIVE_JOBS = 100;

export interface JobDeskDeps {
  readonly jobs: JobStore;
  readonly groups: GroupDesk;
  readonly northbound: Pick<NorthboundPort, 'faultsOf'>;
  readonly runner: JobRunner;
  readonly timeMs: () => Promise<number>;
}

@Injectable()
export class JobDesk {
  readonly #deps: JobDeskDeps;

  constructor(deps: JobDeskDeps) {
    this.#deps = deps;
  }

  /** Stores the job; it runs from here on, on whichever replica. One whose key was seen before is shown as it is. */
  async start(request: JobRequest, caller: Caller): Promise<JobView> {
    const { jobs, runner, timeMs } = this.#deps;
    const faults = request.commands.flatMap((command, i) =>
      this.#deps.northbound.faultsOf(command).map(({ path, message }) => ({ path: `commands.${i}.${path}`, message })),
    );
    if (faults.length > 0) throw new ApiError(400, 'COMMAND_MALFORMED', 'No device could be sent these commands', { faults });
    const id = idempotentId(request.idempotencyKey, caller.ownTenant);
    const known = await jobs.loadJob(id);
    if (known !== undefined) return this.#again(known, request);
    const target = await this.#target(request, caller);
    if ((await jobs.activeJobs()).length >= ACTIVE_JOBS) {
      throw new ApiError(429, 'JOBS_FULL', 'As many jobs as may run do', { retryAfterS: 60 });
    }
    const nowMs = await timeMs();
    const created = await jobs.createJob(id, nowMs, encodeJob(newJob(request, target, nowMs)));
    runner.wake(id);
    return created ? this.show(id, caller) : this.#again(await this.#load(id), request);
  }

  /** The job that was started under the key of this request, if it was by the same one. */
  #again(known: StoredJob, request: JobRequest): Promise<JobView> {
    if (!isStartedBy(decodeJob(known.record), request)) throw keyReused(`Job ${known.id} has it, and is another one.`);
    return this.#view(known);
  }

  async #target({ target }: JobRequest, caller: Caller): Promise<JobTarget> {
    const own = caller.ownTenant === undefined ? {} : { tenant: caller.ownTenant };
    if (!('group' in target)) return { ...own, selector: target };
    const { selector, tenant } = await this.#deps.groups.show(target.group, caller);
    return { ...own, ...(tenant === undefined ? {} : { tenant }), selector, group: target.group };
  }

  /** A page may have few jobs though others follow: those of other tenants are left out of it. */
  async list({ limit, cursor }: PageQuery, caller: Caller): Promise<JobPage> {
    const before = fromCursor(cursor);
    const page = await this.#deps.jobs.jobs({ limit, ...(before === undefined ? {} : { before }) });
    // One that only a newer version can read is no reason to show none.
    const views = await Promise.all(page.jobs.map((job) => this.#view(job).catch(passOverUnreadable)));
    return { jobs: views.filter((view) => view !== undefined).filter((view) => caller.may('view', view.tenant)), ...(page.next === undefined ? {} : { next: toCursor(page.next) }) };
  }

  async show(id: string, caller: Caller): Promise<JobView> {
    return this.#view(await this.#seen(id, caller));
  }

  /** Devices of a job in order of their names. */
  async devices(id: string, { limit, cursor, state }: JobDevicesQuery, caller: Caller): Promise<JobDevicePage> {
    const { jobs } = this.#deps;
    await this.#seen(id, caller);
    const after = fromCursor(cursor);
    const buckets = Object.keys(await jobs.countDevices(id)).filter((bucket) => state === undefined || stateOfBucket(bucket) === state);
    // One more than asked for tells whether there is a next page.
    const found = await Promise.all(
      buckets.map((bucket) => jobs.listDevices(id, { bucket, limit: limit + 1, ...(after === undefined ? {} : { after }) })),
    );
    const ordered = inOrderOfNames(found.flat().filter(({ value }) => value !== ''));
    const page = ordered.slice(0, limit);
    const last = page.at(-1);
    return {
      devices: page.map(({ endpoint, value }) => deviceView(id, endpoint, decodeDevice(value))),
      ...(ordered.length > limit && last !== undefined ? { next: toCursor(last.endpoint) } : {}),
    };
  }

  async act(id: string, action: JobAction, caller: Caller): Promise<JobView> {
    const { jobs, runner, timeMs } = this.#deps;
    for (let attempt = 0; attempt < TRIES; attempt++) {
      const stored = await this.#seen(id, caller);
      const job = decodeJob(stored.record);
      checkChange(caller, 'operate', job, () => jobUnknown(id));
      const next = act(job, action, { nowMs: await timeMs(), sequence: stored.version + 1 });
      if (next === undefined) throw new ApiError(409, 'JOB_OVER', `The job is ${job.state}`, { detail: id });
      if (next === job) return this.#view(stored);
      if (!(await jobs.changeJob(id, stored.version, encodeJob(next)))) continue;
      runner.wake(id);
      return this.show(id, caller);
    }
    throw new Contended(`job ${id} changed under every attempt`);
  }

  async #load(id: string): Promise<StoredJob> {
    const stored = await this.#deps.jobs.loadJob(id);
    if (stored === undefined) throw jobUnknown(id);
    return stored;
  }

  /** A job over all tenants is for those to see who may see all of them. */
  async #seen(id: string, caller: Caller): Promise<StoredJob> {
    const stored = await this.#load(id);
    if (!caller.may('view', decodeJob(stored.record).tenant)) throw jobUnknown(id);
    return stored;
  }

  async #view({ id, record }: StoredJob): Promise<JobView> {
    return jobView(id, decodeJob(record), countsOf(await this.#deps.jobs.countDevices(id)));
  }
}

function passOverUnreadable(error: unknown): undefined {
  if (!(error instanceof JobUnreadable)) throw error;
}

function jobUnknown(id: string): ApiError {
  return new ApiError(404, 'JOB_UNKNOWN', 'There is no such job', { detail: id });
}
