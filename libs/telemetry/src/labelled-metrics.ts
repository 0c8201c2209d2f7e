/** The metrics of one part of a process, told apart from those of its other parts by labels of their own. */
import type { Labels } from './family.ts';
import type { Counter, Histogram } from './instruments.ts';
import { Metrics } from './metrics.ts';

/** All that is declared here goes to `metrics`, with these labels beside its own. */
export class LabelledMetrics extends Metrics {
  readonly #metrics: Metrics;
  readonly #labels: Labels;

  constructor(metrics: Metrics, labels: Labels) {
    super();
    this.#metrics = metrics;
    this.#labels = labels;
  }

  override counter(name: string, help: string, labels: Labels = {}): Counter {
    return this.#metrics.counter(name, help, { ...this.#labels, ...labels });
  }

  override gauge(name: string, help: string, read: () => number, labels: Labels = {}): void {
    this.#metrics.gauge(name, help, read, { ...this.#labels, ...labels });
  }

  override histogram(name: string, help: string, buckets?: readonly number[], labels: Labels = {}): Histogram {
    return this.#metrics.histogram(name, help, buckets, { ...this.#labels, ...labels });
  }

  override renderPrometheus(): string {
    return this.#metrics.renderPrometheus();
  }
}
