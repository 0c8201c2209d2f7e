/** Shows what the DTLS engine counts and holds. The engine keeps plain numbers; they are read when somebody asks. */
import type { DtlsServer } from '@cluster/dtls';
import type { Metrics } from '@cluster/telemetry';
import type { PublicKeyPool } from './public-key-pool.ts';

const totals = {
  helloVerifyRequests: ['cookies_sent', 'HelloVerifyRequests sent'],
  badCookies: ['bad_cookies', 'ClientHellos with a cookie that is not ours, or too old'],
  handshakesBegun: ['handshakes_begun', 'Handshakes begun, behind a valid cookie'],
  handshakesCompleted: ['handshakes', 'Handshakes completed, abbreviated ones included'],
  resumed: ['resumptions', 'Handshakes that resumed a session'],
  adopted: ['takeovers', 'Associations taken over from other workers'],
  takeoversRefused: ['takeovers_refused', 'Takeovers that the store refused'],
  retransmissions: ['retransmissions', 'Flights sent again'],
  recordsIn: ['records_received', 'Records accepted'],
  recordsOut: ['records_sent', 'Records sent'],
  addressChanges: ['address_changes', 'Associations that went on from another address'],
  evicted: ['evictions', 'Associations that left the memory for want of room'],
} as const;

export function showDtls(metrics: Metrics, engine: DtlsServer, pool: PublicKeyPool): void {
  metrics.gauge('lwm2m_dtls_public_key_waiting', 'Public-key operations that wait for a thread', () => pool.waiting);
  const { counters } = engine;
  for (const [key, [name, help]] of Object.entries(totals)) {
    metrics.gauge(`lwm2m_dtls_${name}_total`, help, () => counters[key as keyof typeof totals]);
  }
  for (const reason of Object.keys(counters.dropped) as (keyof typeof counters.dropped)[]) {
    metrics.gauge('lwm2m_dtls_records_dropped_total', 'Records dropped without an answer', () => counters.dropped[reason], { reason });
  }
  for (const reason of Object.keys(counters.refused) as (keyof typeof counters.refused)[]) {
    metrics.gauge('lwm2m_dtls_handshakes_refused_total', 'Handshakes that ended without an association', () => counters.refused[reason], { reason });
  }
  for (const part of Object.keys(engine.usage) as (keyof typeof engine.usage)[]) {
    metrics.gauge('lwm2m_dtls_held', 'What the engine holds now', () => engine.usage[part], { part });
  }
}
