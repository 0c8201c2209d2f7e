/** A job: what it sends to whom, and how far it is. Pure; one text record, which the store keeps by version. */
import { isSameJson, jobRequest, jobState, selector, type JobCounts, type JobRequest, type JobState, type JobView, type Selector } from '@cluster/contracts';
import { z } from 'zod';

const jobRecord = z.object({
  state: jobState,
  tenant: z.string().optional(),
  group: z.string().optional(),
  /** As it stood when the job began. */
  selector,
  commands: jobRequest.shape.commands,
  ratePerSecond: z.number(),
  maxInFlight: z.number(),
  ttlS: z.number(),
  createdAtMs: z.number(),
  finishedAtMs: z.number().optional(),
  /** While targets are selected: those up to this name are. */
  selecting: z.object({ after: z.string().optional() }).optional(),
  /** Its state is not known to be told by an event. */
  untold: z.object({ atMs: z.number(), sequence: z.number().int() }).optional(),
});
export type Job = z.infer<typeof jobRecord>;

/** To whom a job goes; `tenant`: among the endpoints of this one alone. */
export interface JobTarget {
  readonly selector: Selector;
  readonly group?: string;
  readonly tenant?: string;
}

/** A stored job that this version cannot read. */
export class JobUnreadable extends Error {
  readonly code = 'JOB_UNREADABLE';
}

export function encodeJob(job: Job): string {
  return JSON.stringify(job);
}

/** @throws {JobUnreadable} */
export function decodeJob(record: string): Job {
  try {
    return jobRecord.parse(JSON.parse(record));
  } catch (cause) {
    throw new JobUnreadable('a job can not be read', { cause });
  }
}

export function newJob(request: JobRequest, target: JobTarget, nowMs: number): Job {
  const { commands, ratePerSecond, maxInFlight, ttlS } = request;
  return {
    state: 'running', ...target, commands, ratePerSecond, maxInFlight, ttlS, createdAtMs: nowMs, selecting: {}, untold: { atMs: nowMs, sequence: 1 },
  };
}

/** Whether a request that comes again under the key of a job is the one that started it, whatever its group has become since. */
export function isStartedBy(job: Job, request: JobRequest): boolean {
  const { target } = request;
  const { selector: chosen, group, commands, ratePerSecond, maxInFlight, ttlS } = job;
  const asked = { target, commands: request.commands, ratePerSecond: request.ratePerSecond, maxInFlight: request.maxInFlight, ttlS: request.ttlS };
  return isSameJson(asked, { target: group === undefined ? chosen : { group }, commands, ratePerSecond, maxInFlight, ttlS });
}

export type JobAction = 'pause' | 'resume' | 'cancel';

const FROM: Readonly<Record<JobAction, readonly JobState[]>> = {
  pause: ['running'], resume: ['paused'], cancel: ['running', 'paused'],
};
const TO: Readonly<Record<JobAction, JobState>> = { pause: 'paused', resume: 'running', cancel: 'cancelling' };

/** What an operator's word makes of a job; undefined: it is past that. The same word twice is no fault. */
export function act(job: Job, action: JobAction, at: { nowMs: number; sequence: number }): Job | undefined {
  if (job.state === TO[action]) return job;
  return FROM[action].includes(job.state) ? inState(job, TO[action], at) : undefined;
}

/** The job in another state, which is to be told. `sequence` is the version that the record gets. */
function inState(job: Job, state: JobState, { nowMs, sequence }: { nowMs: number; sequence: number }): Job {
  return { ...job, state, untold: { atMs: nowMs, sequence } };
}

/** The end of a job all of whose devices have ended; undefined where some have not. */
export function finished(job: Job, counts: JobCounts, at: { nowMs: number; sequence: number }): Job | undefined {
  if (job.selecting !== undefined || counts.waiting + counts.open > 0) return undefined;
  if (job.state !== 'running' && job.state !== 'cancelling') return undefined;
  return { ...inState(job, job.state === 'running' ? 'done' : 'cancelled', at), finishedAtMs: at.nowMs };
}

export function isOver({ state }: Job): boolean {
  return state === 'done' || state === 'cancelled';
}

/** The counts of a job's buckets as REST and events show them. */
export function countsOf(buckets: Readonly<Record<string, number>>): JobCounts {
  const of = (state: string) => buckets[state] ?? 0;
  const byCode = (state: string) => Object.fromEntries(
    Object.entries(buckets).flatMap(([bucket, count]) => (count > 0 && bucket.startsWith(`${state}/`) ? [[bucket.slice(state.length + 1), count]] : [])),
  );
  return {
    targets: Object.values(buckets).reduce((sum, count) => sum + count, 0),
    waiting: of('waiting') + of('next'),
    open: of('open') + of('away'),
    away: of('away'),
    done: byCode('done'),
    expired: of('expired'),
    cancelled: of('cancelled'),
    outcomeUnknown: of('outcome-unknown'),
    refused: byCode('refused'),
  };
}

export function jobView(id: string, job: Job, counts: JobCounts): JobView {
  return {
    id,
    state: job.state,
    ...(job.tenant === undefined ? {} : { tenant: job.tenant }),
    ...(job.group === undefined ? {} : { group: job.group }),
    selector: job.selector,
    commands: job.commands,
    ratePerSecond: job.ratePerSecond,
    maxInFlight: job.maxInFlight,
    ttlS: job.ttlS,
    createdAt: new Date(job.createdAtMs).toISOString(),
    ...(job.finishedAtMs === undefined ? {} : { finishedAt: new Date(job.finishedAtMs).toISOString() }),
    selecting: job.selecting !== undefined,
    counts,
  };
}
