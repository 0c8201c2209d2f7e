/** `npm start`: the whole server in one process on embedded storage, for a laptop, a lab or a small site. */
import { openSecurity } from '@cluster/coap-kit';
import { openAuthority, runProcess, type Config } from '@cluster/config';
import { objectModel, startEdge, wireEdge, type EdgeDeps } from '@cluster/edge';
import { mountFirmware, wireFirmware, type FirmwarePorts } from '@cluster/firmware-orchestrator';
import { openPackageStorage } from '@cluster/package-storage';
import { startRegistry, wireRegistry, type RegistryPorts } from '@cluster/registry';
import type { Logger, Metrics } from '@cluster/telemetry';
import { ownUris } from './own-uris.ts';
import { wireEmbedded } from './wire.ts';

interface Parts {
  readonly edge: EdgeDeps;
  readonly registry: RegistryPorts;
  readonly firmware: FirmwarePorts;
  close(): Promise<void>;
}

/** Embedded storage, unless the environment names Redis and Kafka. */
async function wire(config: Config, metrics: Metrics, log: Logger): Promise<Parts> {
  if (config.redisUrls.length > 0) {
    const [edge, registry, firmware] = [await wireEdge(config, metrics, log), await wireRegistry(config, log), await wireFirmware(config, log)];
    const close = async () => void (await Promise.all([edge.close(), registry.close(), firmware.close()]));
    return { edge: edge.deps, registry: registry.ports, firmware: firmware.ports, close };
  }
  const { store, secrets, publisher, consumer, close } = await wireEmbedded(config, log);
  const storage = await openPackageStorage(config);
  const always = { available: true, onAvailability: () => () => undefined };
  const security = secrets && (await openSecurity(config, store, secrets, log));
  const authority = secrets && (await openAuthority(config, log));
  const issuing = authority && { authority, certificates: store };
  return {
    edge: { sessions: store, cluster: store, store: always, publisher, model: objectModel(config), metrics, log, packages: { reader: storage, ring: secrets?.ring }, ...(security && { security }), ...(issuing && { issuing }) },
    registry: {
      sessions: store, cluster: store, readModel: store, fleet: store, events: consumer, publisher,
      ...(secrets === undefined ? {} : { credentials: { store, secrets } }),
    },
    firmware: { sessions: store, cluster: store, updates: store, storage, events: consumer, publisher, secrets },
    async close() {
      authority?.close();
      security?.close();
      await close();
    },
  };
}

await runProcess('standalone', async ({ config, log, metrics, sample }) => {
  const parts = await wire(config, metrics, log);
  const edge = await startEdge(config, { ...parts.edge, sample });
  const firmware = await mountFirmware(config, parts.firmware, metrics, log, ownUris(config, edge));
  const registry = await startRegistry(config, parts.registry, metrics, log, [firmware]);
  return {
    up: { coapPort: edge.coapPort, coapsPort: edge.coapsPort, bind: config.bind, httpPort: registry.port, httpBind: config.httpBind },
    async close() {
      await registry.close();
      await edge.close();
      await parts.close();
    },
  };
});
