/** Logs, metrics and traces of a process. */
export { Counter, Histogram, type HistogramState } from './instruments.ts';
export { createLogger, type Logger, type LoggerOptions } from './logger.ts';
export { type Labels, MetricError, type MetricFamily, Metrics, type MetricType, SECONDS_BUCKETS, type Series } from './metrics.ts';
export { bridgeMetrics } from './opentelemetry.ts';
export { PROMETHEUS_CONTENT_TYPE, renderPrometheus } from './prometheus.ts';
export { startTelemetry, type Telemetry, type TelemetryOptions } from './start-telemetry.ts';
