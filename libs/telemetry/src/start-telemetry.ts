/** Starts OpenTelemetry if the environment asks for it; otherwise loads nothing of it. */
import type { NodeSDKConfiguration } from '@opentelemetry/sdk-node';
import type { Metrics } from './metrics.ts';
import { bridgeMetrics } from './opentelemetry.ts';
import { gatedSampler, ratioFromEnvironment, TraceGate } from './sampling.ts';

export interface TelemetryOptions {
  /** `service.name`, unless OTEL_SERVICE_NAME says otherwise. */
  readonly service: string;
  readonly metrics: Metrics;
  /** Only tells whether and how much to trace: the SDK itself reads `process.env`. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export interface Telemetry {
  readonly started: boolean;
  /** Whether to make a span for this message: ask before making one. */
  sample(): boolean;
  /** Exports what is left, waiting for an unreachable collector no longer than the SDK's own timeout. Never throws. */
  shutdown(): Promise<void>;
}

const OFF: Telemetry = { started: false, sample: () => false, shutdown: async () => {} };

/** OTEL_* variables that name somewhere to export to; the others only tune. */
const ASKING = /^OTEL_(?:EXPORTER_OTLP_(?:\w+_)?ENDPOINT|(?:TRACES|METRICS|LOGS)_EXPORTER)$/;

/** Whether the environment asks for telemetry to be exported. */
export function telemetryAsked(env: Readonly<Record<string, string | undefined>>): boolean {
  if (env['OTEL_SDK_DISABLED']?.toLowerCase() === 'true') return false;
  return Object.entries(env).some(([name, value]) => ASKING.test(name) && value !== undefined && !['', 'none'].includes(value));
}

/** Starts exporting metrics and traces by OTLP, as OTEL_* says. */
export async function startTelemetry({ service, metrics, env = process.env }: TelemetryOptions): Promise<Telemetry> {
  if (!telemetryAsked(env)) return OFF;
  const [{ NodeSDK }, { metrics: api }] = await Promise.all([import('@opentelemetry/sdk-node'), import('@opentelemetry/api')]);
  const sdk = new NodeSDK({
    serviceName: env['OTEL_SERVICE_NAME'] || service,
    sampler: gatedSampler as unknown as NodeSDKConfiguration['sampler'],
  });
  sdk.start();
  bridgeMetrics(metrics, api.getMeter(service));
  const gate = new TraceGate(ratioFromEnvironment(env));
  return {
    started: true,
    sample: () => gate.sample(),
    shutdown: () => sdk.shutdown().catch(() => {}),
  };
}
