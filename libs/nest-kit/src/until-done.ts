/** Tries a step until it works or the service stops. */
import { setTimeout as delay } from 'node:timers/promises';

export interface RetryOptions {
  readonly retryMs: number;
  readonly stopping: AbortSignal;
  readonly onFailure: (error: unknown) => void;
}

/** Resolves when the step worked, or when the service stops. Never rejects. */
export async function untilDone(step: () => Promise<void>, { retryMs, stopping, onFailure }: RetryOptions): Promise<void> {
  while (!stopping.aborted) {
    try {
      return await step();
    } catch (error) {
      onFailure(error);
    }
    await delay(retryMs, undefined, { signal: stopping, ref: false }).catch(() => undefined);
  }
}
