/** Renders metrics in the Prometheus text format 0.0.4, as `/metrics` serves it. */
import type { Labels, MetricFamily, Series } from './family.ts';

export const PROMETHEUS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format */
export function renderFamilies(families: Iterable<MetricFamily>): string {
  return [...families].flatMap(renderFamily).join('');
}

function renderFamily(family: MetricFamily): string[] {
  const { name, help, type } = family;
  const head = `# HELP ${name} ${escapeHelp(help)}\n# TYPE ${name} ${type}\n`;
  return [head, ...[...family.series.values()].flatMap((series) => renderSeries(name, series))];
}

function renderSeries(name: string, series: Series): string[] {
  switch (series.type) {
    case 'counter':
      return [line(name, series.labels, series.counter.value)];
    case 'gauge':
      return [line(name, series.labels, series.read())];
    case 'histogram':
      return renderHistogram(name, series);
  }
}

function renderHistogram(name: string, { labels, histogram }: Extract<Series, { type: 'histogram' }>): string[] {
  const { bounds, cumulative, sum, count } = histogram.read();
  const buckets = cumulative.map((value, index) =>
    line(`${name}_bucket`, { ...labels, le: formatNumber(bounds[index] ?? Number.POSITIVE_INFINITY) }, value),
  );
  return [...buckets, line(`${name}_sum`, labels, sum), line(`${name}_count`, labels, count)];
}

function line(name: string, labels: Labels, value: number): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escapeLabel(text)}"`);
  return `${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${formatNumber(value)}\n`;
}

function formatNumber(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  return value === Number.NEGATIVE_INFINITY ? '-Inf' : String(value);
}

function escapeHelp(text: string): string {
  return text.replaceAll('\\', String.raw`\\`).replaceAll('\n', String.raw`\n`);
}

function escapeLabel(text: string): string {
  return escapeHelp(text).replaceAll('"', String.raw`\"`);
}
