/** A service's life as a process: environment in, parts up, and down again in order on SIGTERM or SIGINT. */
import { inspect } from 'node:util';
import { createLogger, Metrics, startTelemetry, type Logger } from '@cluster/telemetry';
import { ConfigError } from './config-error.ts';
import { loadConfig, type Config } from './load-config.ts';
import { nodeFault } from './node-version.ts';
import type { ServiceKind } from './settings.ts';

export interface ProcessContext {
  readonly config: Config;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Whether to trace the next message. */
  readonly sample: () => boolean;
}

export interface Running {
  /** Told in the log once the service is up: its ports. */
  readonly up: object;
  close(): Promise<void>;
}

/**
 * Runs the service of this process. A Node.js that is too old, a wrong environment, or a `start` that fails, is told on standard error and ends the
 * process with 1; a signal closes what runs and ends it with 0.
 */
export async function runProcess(kind: ServiceKind, start: (context: ProcessContext) => Promise<Running>): Promise<void> {
  const fault = nodeFault(process.versions.node);
  if (fault !== undefined) {
    process.stderr.write(`${fault}\n`);
    process.exit(1);
  }
  try {
    await run(kind, start);
  } catch (error) {
    // A wrong environment is told in full and without a stack; anything else with one.
    process.stderr.write(`${error instanceof ConfigError ? error.message : inspect(error)}\n`);
    process.exit(1);
  }
}

async function run(kind: ServiceKind, start: (context: ProcessContext) => Promise<Running>): Promise<void> {
  const config = loadConfig(process.env, { kind });
  const log = createLogger({ service: kind, level: config.logLevel });
  for (const warning of config.warnings) log.warn(warning);
  const metrics = new Metrics();
  processGauges(metrics);
  const telemetry = await startTelemetry({ service: `lwm2m-${kind}`, metrics });
  const running = await start({ config, log, metrics, sample: telemetry.sample });
  log.info(running.up, `${kind} is up`);
  const stop = async (signal: string) => {
    log.info({ signal }, 'stopping');
    await running.close();
    await telemetry.shutdown();
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void stop(signal).finally(() => process.exit(0)));
}

function processGauges(metrics: Metrics): void {
  metrics.gauge('process_cpu_seconds_total', 'CPU time of the process', () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  });
  metrics.gauge('process_resident_memory_bytes', 'Memory of the process', () => process.memoryUsage.rss());
  metrics.gauge('process_heap_bytes', 'JavaScript heap in use', () => process.memoryUsage().heapUsed);
}
