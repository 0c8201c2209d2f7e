/** What the registry counts, as the service sees it; the telemetry of the process is behind it. */
import type { MetricsText } from '@cluster/nest-kit';

export interface RegistryMetrics extends MetricsText {
  requestDone(request: { method: string; route: string; status: number; seconds: number }): void;
  deadLetter(topic: string): void;
  /** Called once: what is asked for with each rendering. */
  observe(gauges: { readonly streams: () => number; readonly waiters: () => number }): void;
}
