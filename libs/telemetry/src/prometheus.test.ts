import { describe, expect, it } from 'vitest';
import { MetricError, Metrics } from './index.ts';

describe('renderPrometheus', () => {
  it('renders each type with its help', () => {
    const metrics = new Metrics();
    metrics.counter('coap_messages_total', 'Messages', { type: 'con', code: '0.01' }).add(3);
    metrics.counter('coap_messages_total', 'Messages', { type: 'non', code: '0.01' }).inc();
    metrics.gauge('sessions', 'Sessions in memory', () => 1.5);
    const rtt = metrics.histogram('rtt_seconds', 'Round trips', [0.1, 1], { op: 'read' });
    for (const value of [0.05, 0.1, 0.5, 7]) rtt.observe(value);
    expect(metrics.renderPrometheus()).toBe(
      [
        '# HELP coap_messages_total Messages',
        '# TYPE coap_messages_total counter',
        'coap_messages_total{type="con",code="0.01"} 3',
        'coap_messages_total{type="non",code="0.01"} 1',
        '# HELP sessions Sessions in memory',
        '# TYPE sessions gauge',
        'sessions 1.5',
        '# HELP rtt_seconds Round trips',
        '# TYPE rtt_seconds histogram',
        'rtt_seconds_bucket{op="read",le="0.1"} 2',
        'rtt_seconds_bucket{op="read",le="1"} 3',
        'rtt_seconds_bucket{op="read",le="+Inf"} 4',
        'rtt_seconds_sum{op="read"} 7.65',
        'rtt_seconds_count{op="read"} 4',
        '',
      ].join('\n'),
    );
  });

  it('escapes help and label values', () => {
    const metrics = new Metrics();
    metrics.counter('a_total', 'back\\slash\nline "quote"', { l: 'back\\slash\nline "quote"' });
    expect(metrics.renderPrometheus()).toBe(
      '# HELP a_total back\\\\slash\\nline "quote"\n# TYPE a_total counter\na_total{l="back\\\\slash\\nline \\"quote\\""} 0\n',
    );
  });

  it('tells infinities and a gauge that fails', () => {
    const metrics = new Metrics();
    metrics.gauge('a', '', () => Number.POSITIVE_INFINITY);
    metrics.gauge('b', '', () => Number.NEGATIVE_INFINITY);
    metrics.gauge('c', '', () => {
      throw new Error('away');
    });
    const values = metrics.renderPrometheus().split('\n').filter((line) => /^[abc] /.test(line));
    expect(values).toEqual(['a +Inf', 'b -Inf', 'c NaN']);
  });
});

describe('Metrics', () => {
  it('gives the same counter for the same name and labels, whatever their order', () => {
    const metrics = new Metrics();
    expect(metrics.counter('a_total', '', { x: '1', y: '2' })).toBe(metrics.counter('a_total', '', { y: '2', x: '1' }));
    expect(metrics.counter('a_total', '', { x: '1', y: '2' })).not.toBe(metrics.counter('a_total', '', { x: '1', y: '3' }));
  });

  it('keeps counters apart beyond one chunk of memory', () => {
    const metrics = new Metrics();
    const counters = Array.from({ length: 300 }, (_, index) => metrics.counter('a_total', '', { n: String(index) }));
    counters.forEach((counter, index) => counter.add(index));
    expect(counters.map((counter) => counter.value)).toEqual(counters.map((_, index) => index));
  });

  it.each([
    ['a name that Prometheus refuses', (m: Metrics) => m.counter('a-b', '')],
    ['a reserved label', (m: Metrics) => m.counter('a', '', { le: '1' })],
    ['a label with two underscores', (m: Metrics) => m.counter('a', '', { __a: '1' })],
    ['another type under the same name', (m: Metrics) => [m.counter('a', ''), m.gauge('a', '', () => 0)]],
    ['buckets that do not ascend', (m: Metrics) => m.histogram('a', '', [1, 1])],
    ['labels without bound', (m: Metrics) => Array.from({ length: 10_001 }, (_, n) => m.counter('a', '', { n: `${n}` }))],
  ])('refuses %s', (_, declare) => {
    expect(() => declare(new Metrics())).toThrow(MetricError);
  });

  it('ignores an observation that is no number', () => {
    const histogram = new Metrics().histogram('a', '', [1]);
    histogram.observe(Number.NaN);
    histogram.observe(2);
    expect(histogram.read()).toEqual({ bounds: [1], cumulative: [0, 1], sum: 2, count: 1 });
  });
});
