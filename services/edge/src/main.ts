/** The edge as a process of its own: environment in, worker up, and down again on SIGTERM. */
import { ConfigError, loadConfig } from '@cluster/config';
import { createLogger, Metrics, startTelemetry } from '@cluster/telemetry';
import { runEdge } from './app.ts';
import { wireEdge } from './wire.ts';

async function main(): Promise<void> {
  const config = loadConfig(process.env, { kind: 'edge' });
  const log = createLogger({ service: 'edge', level: config.logLevel });
  for (const warning of config.warnings) log.warn(warning);
  const metrics = new Metrics();
  const telemetry = await startTelemetry({ service: 'lwm2m-edge', metrics });
  const wired = await wireEdge(config, metrics, log);
  const app = await runEdge(config, { ...wired.deps, sample: telemetry.sample });
  log.info({ coapPort: app.coapPort, httpPort: app.httpPort }, 'edge is up');
  const stop = async (signal: string) => {
    log.info({ signal }, 'stopping');
    await app.close();
    await wired.close();
    await telemetry.shutdown();
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void stop(signal).finally(() => process.exit(0)));
}

main().catch((error: unknown) => {
  // A wrong environment is told in full and without a stack; anything else with one.
  console.error(error instanceof ConfigError ? error.message : error);
  process.exit(1);
});
