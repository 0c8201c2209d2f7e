/** Logs, metrics and traces of a process. */
export type { Labels, MetricFamily, MetricType, Series } from './family.ts';
export { Counter, Histogram, type HistogramState } from './instruments.ts';
export { createLogger, type Logger, type LoggerOptions } from './logger.ts';
export { LabelledMetrics } from './labelled-metrics.ts';
export { MetricError, Metrics, SECONDS_BUCKETS } from './metrics.ts';
export { bridgeMetrics } from './opentelemetry.ts';
export { PROMETHEUS_CONTENT_TYPE } from './prometheus.ts';
export { startTelemetry, type Telemetry, type TelemetryOptions } from './start-telemetry.ts';
