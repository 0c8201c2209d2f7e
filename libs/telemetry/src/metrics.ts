/** The registry of a process's metrics: gives out instruments and tells their present values. Knows no exporter. */
import type { Labels, MetricFamily, MetricType, Series } from './family.ts';
import { Counter, Histogram } from './instruments.ts';
import { renderFamilies } from './prometheus.ts';

interface OpenFamily extends MetricFamily {
  readonly series: Map<string, Series>;
}

/** A metric was declared wrongly: a fault of the program, never of a peer. */
export class MetricError extends Error {
  readonly code = 'METRIC_INVALID';
}

/** Upper bounds in seconds that suit answers within one cluster and across a slow radio link. */
export const SECONDS_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60] as const;

const CELLS_IN_CHUNK = 128;
const MOST_SERIES = 10_000;

export class Metrics {
  readonly #families = new Map<string, OpenFamily>();
  readonly #listeners: ((family: MetricFamily) => void)[] = [];
  #chunk = new Float64Array(CELLS_IN_CHUNK);
  #used = 0;
  #series = 0;

  /** The counter of that name and labels: the same one whenever it is asked for again. Names end in `_total`. */
  counter(name: string, help: string, labels: Labels = {}): Counter {
    const found = this.#seriesOf({ name, help, type: 'counter', labels }, () => ({
      type: 'counter', labels, counter: this.#newCounter(),
    }));
    return found.counter;
  }

  /** A value that is read when somebody looks. A `read` that throws is told as NaN. */
  gauge(name: string, help: string, read: () => number, labels: Labels = {}): void {
    this.#seriesOf({ name, help, type: 'gauge', labels }, () => ({ type: 'gauge', labels, read: safely(read) }));
  }

  /** The histogram of that name and labels. `buckets`: upper bounds, ascending, without +Inf. */
  histogram(name: string, help: string, buckets: readonly number[] = SECONDS_BUCKETS, labels: Labels = {}): Histogram {
    if (!buckets.every((bound, index) => Number.isFinite(bound) && (index === 0 || bound > buckets[index - 1]!))) {
      throw new MetricError(`buckets of ${name} must be finite and ascend`);
    }
    const found = this.#seriesOf({ name, help, type: 'histogram', labels }, () => ({
      type: 'histogram', labels, histogram: new Histogram(buckets),
    }));
    return found.histogram;
  }

  /** Calls `listener` with every family there is, and with each one that is declared later. */
  onFamily(listener: (family: MetricFamily) => void): void {
    this.#listeners.push(listener);
    for (const family of this.#families.values()) listener(family);
  }

  /** All metrics in the Prometheus text format: what `/metrics` answers, with the media type PROMETHEUS_CONTENT_TYPE. */
  renderPrometheus(): string {
    return renderFamilies(this.#families.values());
  }

  #seriesOf<T extends MetricType>(
    declared: { name: string; help: string; type: T; labels: Labels },
    create: () => Extract<Series, { type: T }>,
  ): Extract<Series, { type: T }> {
    const family = this.#family(declared);
    const key = keyOf(declared.labels);
    const known = family.series.get(key);
    if (known !== undefined) return known as Extract<Series, { type: T }>;
    if (this.#series >= MOST_SERIES) throw new MetricError(`more than ${MOST_SERIES} series: ${declared.name}`);
    this.#series++;
    const series = create();
    family.series.set(key, series);
    return series;
  }

  #family(declared: { name: string; help: string; type: MetricType; labels: Labels }): OpenFamily {
    const { name, help, type, labels } = declared;
    checkNames(name, labels);
    const known = this.#families.get(name);
    if (known !== undefined) {
      if (known.type !== type) throw new MetricError(`${name} is a ${known.type}, not a ${type}`);
      return known;
    }
    const family: OpenFamily = { name, help, type, series: new Map() };
    this.#families.set(name, family);
    for (const listener of this.#listeners) listener(family);
    return family;
  }

  #newCounter(): Counter {
    if (this.#used === CELLS_IN_CHUNK) [this.#chunk, this.#used] = [new Float64Array(CELLS_IN_CHUNK), 0];
    return new Counter(this.#chunk, this.#used++);
  }
}

function safely(read: () => number): () => number {
  return () => {
    try {
      return read();
    } catch {
      return Number.NaN;
    }
  };
}

function keyOf(labels: Labels): string {
  return JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** https://prometheus.io/docs/concepts/data_model/#metric-names-and-labels */
function checkNames(name: string, labels: Labels): void {
  if (!/^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(name)) throw new MetricError(`not a metric name: ${name}`);
  for (const label of Object.keys(labels)) {
    if (!/^(?!__)[a-zA-Z_][a-zA-Z0-9_]*$/.test(label) || label === 'le') throw new MetricError(`not a label of ${name}: ${label}`);
  }
}
