/** `npm start`: the whole server in one process on embedded storage, for a laptop, a lab or a small site. */
import { ConfigError, loadConfig, type Config } from '@cluster/config';
import { objectModel, startEdge, wireEdge, type EdgeDeps } from '@cluster/edge';
import { startRegistry, wireRegistry, type RegistryPorts } from '@cluster/registry';
import { createLogger, Metrics, startTelemetry, type Logger } from '@cluster/telemetry';
import { wireEmbedded } from './wire.ts';

interface Parts {
  readonly edge: EdgeDeps;
  readonly registry: RegistryPorts;
  close(): Promise<void>;
}

/** Embedded storage, unless the environment names Redis and Kafka. */
async function wire(config: Config, metrics: Metrics, log: Logger): Promise<Parts> {
  if (config.redisUrls.length > 0) {
    const [edge, registry] = [await wireEdge(config, metrics, log), await wireRegistry(config, log)];
    return { edge: edge.deps, registry: registry.ports, close: async () => void (await Promise.all([edge.close(), registry.close()])) };
  }
  const { store, publisher, consumer, close } = wireEmbedded(config);
  const always = { available: true, onAvailability: () => () => undefined };
  return {
    edge: { sessions: store, cluster: store, store: always, publisher, model: objectModel(config), metrics, log },
    registry: { sessions: store, cluster: store, readModel: store, events: consumer },
    close,
  };
}

async function main(): Promise<void> {
  const config = loadConfig(process.env, { kind: 'standalone' });
  const log = createLogger({ service: 'standalone', level: config.logLevel });
  for (const warning of config.warnings) log.warn(warning);
  const metrics = new Metrics();
  const telemetry = await startTelemetry({ service: 'lwm2m-standalone', metrics });
  const parts = await wire(config, metrics, log);
  const edge = await startEdge(config, { ...parts.edge, sample: telemetry.sample });
  const registry = await startRegistry(config, parts.registry, metrics, log);
  log.info({ coapPort: edge.coapPort, bind: config.bind, httpPort: registry.port, httpBind: config.httpBind }, 'server is up');
  const stop = async (signal: string) => {
    log.info({ signal }, 'stopping');
    await registry.close();
    await edge.close();
    await parts.close();
    await telemetry.shutdown();
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void stop(signal).finally(() => process.exit(0)));
}

main().catch((error: unknown) => {
  // A wrong environment is told in full and without a stack; anything else with one.
  console.error(error instanceof ConfigError ? error.message : error);
  process.exit(1);
});
