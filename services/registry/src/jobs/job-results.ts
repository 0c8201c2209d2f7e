/** Counts the ends of commands at the devices of their jobs, whatever their order and however often they are told. */
import { Injectable } from '@nestjs/common';
import { commandResultValue, type CommandStatus } from '@cluster/contracts';
import { afterResult, decodeDevice, decodeJob, encodeDevice, JOB_COMMAND_PREFIX, jobOfCommand, JobUnreadable, type JobStore, type StepResult } from '@cluster/fleet';
import type { ConsumedRecord } from '@cluster/events';
import { receivedEvent } from '@cluster/nest-kit';

interface DeviceResult extends StepResult {
  readonly endpoint: string;
}

const TRIES = 8;
/** Jobs whose number of commands is remembered. */
const JOBS_KNOWN = 1_000;

/** A device of a job that moved under every attempt. */
export class JobContended extends Error {
  readonly code = 'CONTENDED';
}

@Injectable()
export class JobResults {
  readonly #jobs: JobStore;
  readonly #timeMs: () => Promise<number>;
  readonly #steps = new Map<string, number>();

  constructor(jobs: JobStore, timeMs: () => Promise<number>) {
    this.#jobs = jobs;
    this.#timeMs = timeMs;
  }

  /** Takes records of lwm2m.command-results; those of no job, and what can not be read, are passed over. */
  async take(records: readonly ConsumedRecord[]): Promise<void> {
    const results = records.filter(mayBeOfJob).flatMap((record) => {
      const status = statusOf(record);
      const place = status && jobOfCommand(status.id);
      if (status === undefined || place === undefined) return [];
      const { endpoint, state, response } = status;
      return [{ jobId: place.jobId, result: { endpoint, step: place.step, state, code: response?.code } }];
    });
    for (const [jobId, own] of Map.groupBy(results, (one) => one.jobId)) await this.#settle(jobId, own.map(({ result }) => result));
  }

  async #settle(jobId: string, results: readonly DeviceResult[]): Promise<void> {
    const steps = await this.#stepsOf(jobId);
    if (steps === undefined) return;
    const nowMs = await this.#timeMs();
    // Two results of one device are of different steps: the later needs what the earlier made of it.
    const byDevice = Map.groupBy(results, ({ endpoint }) => endpoint);
    const most = Math.max(...[...byDevice.values()].map(({ length }) => length));
    for (let turn = 0; turn < most; turn++) {
      await this.#move(jobId, [...byDevice.values()].flatMap((own) => own[turn] ?? []), steps, nowMs);
    }
  }

  /** One result of each device. A device that moved meanwhile is looked at again. */
  async #move(jobId: string, results: readonly DeviceResult[], steps: number, nowMs: number): Promise<void> {
    let left = results;
    for (let attempt = 0; attempt < TRIES && left.length > 0; attempt++) {
      const held = await this.#jobs.loadDevices(jobId, left.map(({ endpoint }) => endpoint));
      const moves = left.flatMap((result, i) => {
        const value = held[i];
        const next = value === undefined ? undefined : afterResult(decodeDevice(value), result, steps, nowMs);
        return next === undefined ? [] : [{ result, endpoint: result.endpoint, expected: value, next: encodeDevice(next) }];
      });
      const moved = moves.length === 0 ? [] : await this.#jobs.moveDevices(jobId, moves);
      left = moves.filter((_, i) => moved[i] !== true).map(({ result }) => result);
    }
    if (left.length > 0) throw new JobContended(`devices of job ${jobId} moved under every attempt`);
  }

  /** How many commands the job has; undefined if there is no such job. */
  async #stepsOf(jobId: string): Promise<number | undefined> {
    const known = this.#steps.get(jobId);
    if (known !== undefined) return known;
    const stored = await this.#jobs.loadJob(jobId);
    if (stored === undefined) return undefined;
    const length = lengthOf(stored.record);
    if (length === undefined) return undefined;
    if (this.#steps.size >= JOBS_KNOWN) this.#steps.clear();
    this.#steps.set(jobId, length);
    return length;
  }
}

/** A job of a newer version, or a damaged one, must not hold up the results of others: its own are looked up later. */
function lengthOf(record: string): number | undefined {
  try {
    return decodeJob(record).commands.length;
  } catch (error) {
    if (error instanceof JobUnreadable) return undefined;
    throw error;
  }
}

/** The id stands in the value as it is, in JSON and in CBOR: most results need not be read for it. */
function mayBeOfJob({ value }: ConsumedRecord): boolean {
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength).includes(JOB_COMMAND_PREFIX);
}

function statusOf(record: ConsumedRecord): (CommandStatus & { endpoint: string }) | undefined {
  try {
    const value = commandResultValue.parse(receivedEvent(record).data);
    return value.state === 'rejected' ? undefined : value;
  } catch {
    // The read model's consumer buries what can not be read.
    return undefined;
  }
}
