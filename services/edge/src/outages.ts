/** Reports the times in which devices could not be heard, for want of brokers or of a part of the store: nobody's registration runs out for it. */
import type { ClusterStore } from '@cluster/session';
import type { WorkerClock } from '@cluster/coap-kit';

/** How often an outage that goes on is reported: other workers, which may notice nothing of it, expire registrations meanwhile. */
const REPORT_EVERY_MS = 10_000;
/** No device gives up because of less. */
const LEAST_MS = 1_000;
/** How long the last report may wait for a store that is away too. */
const RETRY_MS = 2_000;
const TRIES = 150;

/** Watches what devices depend on until the function returned is called. `watch` calls whenever `hears` may have changed. */
export function reportOutages(
  { hears, watch }: { hears: () => boolean; watch: (changed: () => void) => () => void }, cluster: ClusterStore, clock: WorkerClock,
): () => void {
  let sinceMs = 0;
  let timer: NodeJS.Timeout | undefined;
  const outage = () => {
    const toMs = clock.storeMs();
    return { fromMs: toMs - Math.round(clock.monotonicMs() - sinceMs), toMs };
  };
  const begin = () => {
    if (timer !== undefined) return;
    sinceMs = clock.monotonicMs();
    timer = setInterval(() => void cluster.reportOutage(outage()).catch(() => undefined), REPORT_EVERY_MS);
  };
  const end = () => {
    clearInterval(timer);
    timer = undefined;
  };
  if (!hears()) begin();
  const unwatch = watch(() => {
    if (!hears()) return begin();
    if (timer !== undefined && clock.monotonicMs() - sinceMs >= LEAST_MS) void report(cluster, outage());
    end();
  });
  return () => {
    end();
    unwatch();
  };
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
