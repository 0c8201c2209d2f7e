/** What the registry counts and measures. */
import type { RequestObserver } from '@cluster/nest-kit';
import type { CredentialRefusal } from '@cluster/session';
import type { Metrics } from '@cluster/telemetry';

export interface RegistryMetrics {
  readonly requestDone: RequestObserver;
  /** A record that could not be understood. */
  deadLetter(topic: string): void;
  /** Why a credential was refused. */
  credentialRefused(reason: 'malformed' | CredentialRefusal): void;
  credentialsChanged(change: 'set' | 'revoked'): void;
  /** An entry of the audit log that is in this process's log alone. */
  readonly auditDropped: () => void;
  /** Called once: values that are read when somebody looks. */
  watch(values: { readonly streams: () => number; readonly waiters: () => number; readonly jobs: () => number }): void;
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
    credentialRefused: (reason) => metrics.counter('lwm2m_credential_refusals_total', 'Credentials that were not taken', { reason }).inc(),
    credentialsChanged: (change) => metrics.counter('lwm2m_credential_changes_total', 'Credentials that were set and revoked', { change }).inc(),
    auditDropped: () => metrics.counter('lwm2m_audit_dropped_total', 'Entries of the audit log that the topic does not have').inc(),
    watch: ({ streams, waiters, jobs }) => {
      metrics.gauge('lwm2m_event_streams', 'Event streams that are open', streams);
      metrics.gauge('lwm2m_command_waiters', 'Callers who wait for the end of a command', waiters);
      metrics.gauge('lwm2m_jobs', 'Jobs that this replica carries on', jobs);
    },
  };
}
