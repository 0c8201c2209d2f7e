/** How a command tells which job it belongs to: by its idempotency key, which is its id in another form. */
import { Buffer } from 'node:buffer';

const KEY = /^job:([\w.-]+):(\d)$/;

/** What each id of a job's command begins with: `k.` and the base64url of `job`. */
export const JOB_COMMAND_PREFIX = 'k.am9i';

/** The key of one step of a job; the queue of each device takes it once. */
export function commandKey(jobId: string, step: number): string {
  return `job:${jobId}:${step}`;
}

/** The id that a command with that key gets. */
export function commandIdOf(jobId: string, step: number): string {
  return `k.${Buffer.from(commandKey(jobId, step), 'utf8').toString('base64url')}`;
}

/** The job and step of a command; undefined if it belongs to none. */
export function jobOfCommand(id: string): { jobId: string; step: number } | undefined {
  if (!id.startsWith(JOB_COMMAND_PREFIX)) return undefined;
  const [, jobId, step] = KEY.exec(Buffer.from(id.slice(2), 'base64url').toString('utf8')) ?? [];
  return jobId === undefined ? undefined : { jobId, step: Number(step) };
}
