/** What a metric is made of: a family of series under one name, told apart by their labels. */
import type { Counter, Histogram } from './instruments.ts';

/** Fixed label names and values of one series. Never a value from the network: each combination stays in memory. */
export type Labels = Readonly<Record<string, string>>;
export type MetricType = 'counter' | 'gauge' | 'histogram';

export type Series =
  | { readonly type: 'counter'; readonly labels: Labels; readonly counter: Counter }
  | { readonly type: 'gauge'; readonly labels: Labels; readonly read: () => number }
  | { readonly type: 'histogram'; readonly labels: Labels; readonly histogram: Histogram };

/** All series of one name. */
export interface MetricFamily {
  readonly name: string;
  readonly help: string;
  readonly type: MetricType;
  readonly series: ReadonlyMap<string, Series>;
}
