/** Reports the times in which no broker took events: devices could not be heard, and nobody's registration runs out for it. */
import type { EventPublisher } from '@cluster/events';
import type { ClusterStore } from '@cluster/session';
import type { WorkerClock } from './clock.ts';

/** How long a report may wait for a store that is away too. */
const RETRY_MS = 2_000;
const TRIES = 150;

/** Watches the publisher until the function returned is called. */
export function reportOutages(publisher: EventPublisher, cluster: ClusterStore, clock: WorkerClock): () => void {
  let sinceMs: number | undefined;
  return publisher.onAvailability((available) => {
    if (!available) sinceMs ??= clock.storeMs();
    else if (sinceMs !== undefined) {
      void report(cluster, { fromMs: sinceMs, toMs: clock.storeMs() });
      sinceMs = undefined;
    }
  });
}

async function report(cluster: ClusterStore, outage: { fromMs: number; toMs: number }): Promise<void> {
  for (let attempt = 0; attempt < TRIES; attempt++) {
    try {
      return await cluster.reportOutage(outage);
    } catch {
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS).unref());
    }
  }
}
