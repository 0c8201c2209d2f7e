import { ROOT_CONTEXT, trace, TraceFlags } from '@opentelemetry/api';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { Metrics, startTelemetry } from './index.ts';
import { gatedSampler, ratioFromEnvironment, TraceGate } from './sampling.ts';
import { telemetryAsked } from './start-telemetry.ts';

describe('telemetryAsked', () => {
  it.each([
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318' }, true],
    [{ OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: 'http://c:4318' }, true],
    [{ OTEL_TRACES_EXPORTER: 'console' }, true],
    [{ OTEL_TRACES_EXPORTER: 'none' }, false],
    [{ OTEL_SERVICE_NAME: 'x' }, false],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: '' }, false],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318', OTEL_SDK_DISABLED: 'true' }, false],
    [{}, false],
  ])('%j: %s', (env, asked) => {
    expect(telemetryAsked(env)).toBe(asked);
  });

  it('starts nothing unasked', async () => {
    const telemetry = await startTelemetry({ service: 'edge', metrics: new Metrics(), env: {} });
    expect([telemetry.started, telemetry.sample()]).toEqual([false, false]);
    await telemetry.shutdown();
  });
});

describe('sampling', () => {
  it.each([[0, 0], [0.1, 100], [0.25, 250], [1, 1_000]])('takes the part %d of 1000 messages', (ratio, taken) => {
    const gate = new TraceGate(ratio);
    const sampled = Array.from({ length: 1_000 }, () => gate.sample()).filter(Boolean).length;
    expect(Math.abs(sampled - taken)).toBeLessThanOrEqual(1);
  });

  it.each([
    [{}, 1],
    [{ OTEL_TRACES_SAMPLER: 'always_off' }, 0],
    [{ OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.01' }, 0.01],
    [{ OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '7' }, 1],
    [{ OTEL_TRACES_EXPORTER: 'none' }, 0],
  ])('%j means %d', (env, ratio) => {
    expect(ratioFromEnvironment(env)).toBe(ratio);
  });

  it('follows the caller of a span', () => {
    const caller = (traceFlags: TraceFlags) =>
      trace.setSpanContext(ROOT_CONTEXT, { traceId: '1'.repeat(32), spanId: '1'.repeat(16), traceFlags });
    expect(gatedSampler.shouldSample(ROOT_CONTEXT).decision).toBe(2);
    expect(gatedSampler.shouldSample(caller(TraceFlags.NONE)).decision).toBe(0);
    expect(gatedSampler.shouldSample(caller(TraceFlags.SAMPLED)).decision).toBe(2);
  });
});

describe('export', () => {
  it('reaches a collector by OTLP with the counted values', async () => {
    const bodies: { url: string; body: string }[] = [];
    const collector = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        bodies.push({ url: request.url ?? '', body: Buffer.concat(chunks).toString() });
        response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
      });
    });
    await once(collector.listen(0, '127.0.0.1'), 'listening');
    const child = exporter((collector.address() as AddressInfo).port);
    const [exitCode] = (await once(child, 'exit')) as [number];
    collector.close();
    expect(exitCode).toBe(0);
    const metrics = bodies.find(({ url }) => url === '/v1/metrics')?.body;
    expect(metrics).toContain('"name":"coap_messages_total"');
    expect(metrics).toContain('"name":"rtt_seconds_bucket"');
    expect(metrics).toMatch(/"asDouble":42\b/);
    expect(bodies.find(({ url }) => url === '/v1/traces')?.body).toContain('"name":"handle"');
  });
});

/** A process of its own: the SDK registers itself for its whole process. */
function exporter(port: number): ChildProcess {
  return fork(new URL('testing/exporter.ts', import.meta.url), {
    execArgv: ['--conditions=@cluster/source'],
    env: {
      PATH: process.env['PATH'],
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_LOGS_EXPORTER: 'none',
      OTEL_NODE_RESOURCE_DETECTORS: 'none',
    },
  });
}
