/** `npm start`: the whole server in one process on embedded storage, for a laptop, a lab or a small site. */
import { ConfigError, loadConfig, type Config } from '@cluster/config';
import { objectModel, runEdge, wireEdge, type EdgeDeps } from '@cluster/edge';
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
