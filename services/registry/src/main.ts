/** The registry as a process of its own: environment in, REST up, and down again on SIGTERM. */
import { ConfigError, loadConfig } from '@cluster/config';
import { createLogger, Metrics, startTelemetry } from '@cluster/telemetry';
import { startRegistry } from './start.ts';
import { wireRegistry } from './wire.ts';

async function main(): Promise<void> {
  const config = loadConfig(process.env, { kind: 'registry' });
  const log = createLogger({ service: 'registry', level: config.logLevel });
  for (const warning of config.warnings) log.warn(warning);
  const metrics = new Metrics();
  const telemetry = await startTelemetry({ service: 'lwm2m-registry', metrics });
  const wired = await wireRegistry(config, log);
  const registry = await startRegistry(config, wired.ports, metrics, log);
  log.info({ httpPort: registry.port }, 'registry is up');
  const stop = async (signal: string) => {
    log.info({ signal }, 'stopping');
    await registry.close();
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
