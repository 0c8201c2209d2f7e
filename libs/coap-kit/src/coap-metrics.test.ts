import { CoapEngine } from '@cluster/coap';
import { Metrics } from '@cluster/telemetry';
import { expect, it } from 'vitest';
import { showCoap } from './coap-metrics.ts';

it('shows what the engine counts at the time of asking', () => {
  const metrics = new Metrics();
  const engine = new CoapEngine({ rng: { uint32: () => 1 } });
  showCoap(metrics, engine);
  const lines = () => metrics.renderPrometheus().split('\n');
  expect(lines()).toContain('lwm2m_coap_malformed_total{fault="token-length"} 0');
  engine.handle(0, { peer: 'udp:127.0.0.1:1', bytes: Uint8Array.of(0x49, 1, 0x12, 0x34) }); // RFC 7252 §3: TKL 9 is reserved
  engine.handle(0, { peer: 'udp:127.0.0.1:1', bytes: Uint8Array.of(0x40, 0, 0x12, 0x35) });
  expect(lines()).toEqual(expect.arrayContaining([
    'lwm2m_coap_malformed_total{fault="token-length"} 1', 'lwm2m_coap_pings_total 1', 'lwm2m_coap_resets_sent_total 2',
  ]));
});
