/** What the registry counts and measures. */
import type { RequestObserver } from '@cluster/nest-kit';
import type { Metrics } from '@cluster/telemetry';

export interface RegistryMetrics {
  readonly requestDone: RequestObserver;
  /** A record that could not be understood. */
  deadLetter(topic: string): void;
  /** Called once: values that are read when somebody looks. */
  watch(values: { readonly streams: () => number; readonly waiters: () => number }): void;
}

/** Labels come from this program alone: route patterns, topics, methods that the router knows. */
export function registryMetrics(metrics: Metrics): RegistryMetrics {
  return {
    requestDone: ({ method, route, status, seconds }) =>
      metrics
        .histogram('http_server_request_duration_seconds', 'Time from a request to the end of its answer', undefined, {
          method, route, status: String(status),
        })
        .observe(seconds),
    deadLetter: (topic) =>
      metrics.counter('lwm2m_dead_letters_total', 'Records of the topics that could not be understood', { topic }).inc(),
    watch: ({ streams, waiters }) => {
      metrics.gauge('lwm2m_event_streams', 'Event streams that are open', streams);
      metrics.gauge('lwm2m_command_waiters', 'Callers who wait for the end of a command', waiters);
    },
  };
}
