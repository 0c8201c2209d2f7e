/** Shows what the CoAP engine counts and holds. The engine keeps plain numbers; they are read when somebody asks. */
import type { CoapEngine } from '@cluster/coap';
import type { Metrics } from '@cluster/telemetry';

type Numbers<T> = { [K in keyof T]: T[K] extends number ? K : never }[keyof T];

const totals: Readonly<Partial<Record<Numbers<CoapEngine['counters']>, readonly [name: string, help: string]>>> = {
  pings: ['pings', 'Pings that were answered'],
  duplicates: ['duplicates', 'Messages that came again'],
  messageIdsReused: ['message_ids_reused', 'Message ids that came again with another message'],
  retransmissions: ['retransmissions', 'Messages sent again'],
  timeouts: ['timeouts', 'Messages that were given up'],
  resetsIn: ['resets_received', 'Resets of peers'],
  resetsOut: ['resets_sent', 'Resets sent'],
  unmatched: ['unmatched', 'Acknowledgements and resets that belong to nothing known'],
  badOptions: ['bad_options', 'Messages with a critical option that is unknown or malformed'],
  lateAnswers: ['late_answers', 'Answers to exchanges that were over'],
  blockTransfersRefused: ['block_transfers_refused', 'Block-wise transfers that were refused'],
  blockTransfersExpired: ['block_transfers_expired', 'Block-wise transfers that their peers left unfinished'],
};

export function showCoap(metrics: Metrics, engine: CoapEngine): void {
  const { counters } = engine;
  for (const [key, [name, help]] of Object.entries(totals)) {
    metrics.gauge(`lwm2m_coap_${name}_total`, help, () => counters[key as keyof typeof totals]);
  }
  for (const fault of Object.keys(counters.malformed)) {
    const read = () => counters.malformed[fault as keyof typeof counters.malformed];
    metrics.gauge('lwm2m_coap_malformed_total', 'Datagrams that were no CoAP message', read, { fault });
  }
  for (const bound of Object.keys(counters.limited)) {
    const read = () => counters.limited[bound as keyof typeof counters.limited];
    metrics.gauge('lwm2m_coap_limited_total', 'What was given up at a bound', read, { bound });
  }
  for (const part of Object.keys(engine.usage)) {
    metrics.gauge('lwm2m_coap_held', 'What the engine holds now', () => engine.usage[part as keyof typeof engine.usage], { part });
  }
}
