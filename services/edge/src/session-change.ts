/** One awaited change of a session, for work that is not on the per-packet path. */
import { EventsUnavailable } from '@cluster/events';
import { StoreUnavailable, type DeviceNumber } from '@cluster/session';
import type { Decision, DeviceSteps, Refusal, Step } from './device-steps.ts';
import type { Held } from './held-sessions.ts';

/** A change that the store or the brokers did not take. With `why` 'events' the change is stored, its events are not out. */
export class ChangeRefused extends Error {
  readonly code = 'CHANGE_REFUSED';
  readonly why: Refusal;

  constructor(why: Refusal) {
    super(`change refused: ${why}`);
    this.why = why;
  }
}

/** Who refused, where the store or the brokers did; undefined: the fault is another one, which nobody expects. */
export function refusalOf(error: unknown): Refusal | undefined {
  if (error instanceof ChangeRefused) return error.why;
  if (error instanceof StoreUnavailable) return 'store';
  return error instanceof EventsUnavailable ? 'events' : undefined;
}

export type Change = Omit<Decision, 'done'>;

/**
 * Decides on a session, commits and publishes. Resolves to the session after it; undefined where there is no session
 * or `decide` wanted no change of it. `fresh` asks the store even if the session is held.
 */
export function changeSession(
  steps: DeviceSteps,
  number: DeviceNumber,
  decide: (held: Held) => Change | undefined,
  options: { fresh?: boolean } = {},
): Promise<Held | undefined> {
  return new Promise((resolve, reject) => steps.runSoon(changeStep(number, decide, resolve, reject, options)));
}

/** The step of such a change, for who rather hears of it by a call. What the calls throw is not caught. */
export function changeStep(
  number: DeviceNumber,
  decide: (held: Held) => Change | undefined,
  done: (held: Held | undefined) => void,
  refused: (error: ChangeRefused) => void,
  options: { fresh?: boolean } = {},
): Step {
  return {
    number,
    decide(held, fresh) {
      if (options.fresh === true && !fresh) return 'reload';
      const change = held === undefined ? undefined : decide(held);
      return change === undefined ? { done: () => done(undefined) } : { ...change, done };
    },
    refuse: (why) => refused(new ChangeRefused(why)),
  };
}
