/** `npm start`: the whole server in one process on embedded storage, for a laptop, a lab or a small site. */
import { authorityMounts, type BootstrapPorts, startBootstrap, wireBootstrap, withProvisioning } from '@cluster/bootstrap';
import { openSecurity } from '@cluster/coap-kit';
import { openAuthority, runProcess, type Config } from '@cluster/config';
import { objectModel, startEdge, wireEdge, type EdgeDeps } from '@cluster/edge';
import { mountFirmware, wireFirmware, type FirmwarePorts } from '@cluster/firmware-orchestrator';
import { openPackageStorage } from '@cluster/package-storage';
import { startRegistry, wireRegistry, type RegistryPorts } from '@cluster/registry';
import { LabelledMetrics, type Logger, type Metrics } from '@cluster/telemetry';
import { ownUris } from './own-uris.ts';
import { wireEmbedded } from './wire.ts';

interface Parts {
  readonly edge: EdgeDeps;
  readonly registry: RegistryPorts;
  readonly firmware: FirmwarePorts;
  readonly bootstrap: BootstrapPorts;
  close(): Promise<void>;
}

/** Embedded storage, unless the environment names Redis and Kafka. */
async function wire(config: Config, metrics: Metrics, log: Logger): Promise<Parts> {
  return config.redisUrls.length > 0 ? wireBrokers(config, metrics, log) : wireOneFile(config, metrics, log);
}

async function wireBrokers(config: Config, metrics: Metrics, log: Logger): Promise<Parts> {
  const [edge, registry, firmware] = [await wireEdge(config, metrics, log), await wireRegistry(config, log), await wireFirmware(config, log)];
  const bootstrap = await wireBootstrap(config, ofBootstrap(metrics), log);
  return {
    edge: edge.deps, registry: registry.ports, firmware: firmware.ports, bootstrap: bootstrap.ports,
    close: async () => void (await Promise.all([edge.close(), registry.close(), firmware.close(), bootstrap.close()])),
  };
}

async function wireOneFile(config: Config, metrics: Metrics, log: Logger): Promise<Parts> {
  const { store, secrets, publisher, consumer, close } = await wireEmbedded(config, log);
  const storage = await openPackageStorage(config, (err) => log.warn({ err }, 'the storage of packages can not be reached'));
  const always = { available: true, onAvailability: () => () => undefined };
  const security = await openSecurity(config, store, secrets, log);
  const authority = await openAuthority(config, log);
  const issuing = authority && { authority, certificates: store };
  const model = objectModel(config);
  const shared = { sessions: store, cluster: store, publisher };
  return {
    edge: { ...shared, store: always, model, metrics, log, packages: { reader: storage, ring: secrets.ring }, security, ...(issuing && { issuing }) },
    registry: { ...shared, readModel: store, fleet: store, events: consumer, credentials: { store, secrets } },
    firmware: { ...shared, updates: store, fleet: store, readModel: store, storage, events: consumer, secrets },
    bootstrap: { ...shared, records: store, groups: store, credentials: store, secrets, security, model, metrics: ofBootstrap(metrics), log, issuing },
    async close() {
      authority?.close();
      security.close();
      await close();
    },
  };
}

/** Edge and bootstrap service count the same things, each for itself. */
function ofBootstrap(metrics: Metrics): Metrics {
  return new LabelledMetrics(metrics, { service: 'bootstrap' });
}

await runProcess('standalone', async ({ config, log, metrics, sample }) => {
  const parts = await wire(config, metrics, log);
  const edge = await startEdge(config, { ...parts.edge, sample });
  const bootstrap = await startBootstrap(config, withProvisioning(config, parts.bootstrap));
  const firmware = await mountFirmware(config, parts.firmware, metrics, log, ownUris(config, edge));
  const registry = await startRegistry(config, parts.registry, metrics, log, [firmware, bootstrap.mount, ...authorityMounts(config, parts.bootstrap)]);
  const { coapPort: bootstrapCoapPort, coapsPort: bootstrapCoapsPort } = bootstrap;
  return {
    up: {
      coapPort: edge.coapPort, coapsPort: edge.coapsPort, bootstrapCoapPort, bootstrapCoapsPort, bind: config.bind,
      httpPort: registry.port, httpBind: config.httpBind,
    },
    async close() {
      await registry.close();
      await bootstrap.close();
      await edge.close();
      await parts.close();
    },
  };
});
