/** A process that counts, traces and exports once: what the export test runs. */
import { trace } from '@opentelemetry/api';
import { Metrics, startTelemetry } from '../index.ts';

const metrics = new Metrics();
metrics.counter('coap_messages_total', 'Messages', { type: 'con' }).add(42);
const telemetry = await startTelemetry({ service: 'edge', metrics });
metrics.histogram('rtt_seconds', 'Declared after the start', [1]).observe(0.5);
if (telemetry.sample()) trace.getTracer('edge').startSpan('handle').end();
await telemetry.shutdown();
