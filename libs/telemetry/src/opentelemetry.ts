/** Lets OpenTelemetry read the process's metrics at each export: nothing is counted twice on the hot path. */
import type { Meter, Observable, ObservableResult } from '@opentelemetry/api';
import type { MetricFamily } from './family.ts';
import type { Metrics } from './metrics.ts';

/**
 * Makes an observable instrument of the meter for each family, also those declared later. There is no observable
 * histogram: one becomes three counters, `_bucket` (cumulative, attribute `le`), `_sum` and `_count`, as in Prometheus.
 */
export function bridgeMetrics(metrics: Metrics, meter: Meter): void {
  metrics.onFamily((family) => {
    switch (family.type) {
      case 'counter':
        observe(meter.createObservableCounter(family.name, { description: family.help }), family, readCounters);
        break;
      case 'gauge':
        observe(meter.createObservableGauge(family.name, { description: family.help }), family, readGauges);
        break;
      case 'histogram':
        bridgeHistogram(meter, family);
        break;
    }
  });
}

function observe(
  instrument: Observable,
  family: MetricFamily,
  read: (family: MetricFamily, result: ObservableResult) => void,
): void {
  instrument.addCallback((result) => read(family, result));
}

function readCounters(family: MetricFamily, result: ObservableResult): void {
  for (const series of family.series.values()) {
    if (series.type === 'counter') result.observe(series.counter.value, { ...series.labels });
  }
}

function readGauges(family: MetricFamily, result: ObservableResult): void {
  for (const series of family.series.values()) {
    if (series.type !== 'gauge') continue;
    const value = series.read();
    if (!Number.isNaN(value)) result.observe(value, { ...series.labels });
  }
}

function bridgeHistogram(meter: Meter, family: MetricFamily): void {
  const part = (suffix: string) => meter.createObservableCounter(family.name + suffix, { description: family.help });
  observe(part('_bucket'), family, readBuckets);
  observe(part('_sum'), family, (of, result) => {
    for (const { labels, state } of histograms(of)) result.observe(state.sum, { ...labels });
  });
  observe(part('_count'), family, (of, result) => {
    for (const { labels, state } of histograms(of)) result.observe(state.count, { ...labels });
  });
}

function readBuckets(family: MetricFamily, result: ObservableResult): void {
  for (const { labels, state } of histograms(family)) {
    state.cumulative.forEach((value, index) => {
      result.observe(value, { ...labels, le: String(state.bounds[index] ?? '+Inf') });
    });
  }
}

function* histograms(family: MetricFamily) {
  for (const series of family.series.values()) {
    if (series.type === 'histogram') yield { labels: series.labels, state: series.histogram.read() };
  }
}
