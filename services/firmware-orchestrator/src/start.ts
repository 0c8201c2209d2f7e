/** Starts an orchestrator as a configuration says, on whichever adapters it is given. */
import { randomBytes, randomInt } from 'node:crypto';
import type { Config, Secrets } from '@cluster/config';
import type { EventConsumer, EventPublisher } from '@cluster/events';
import type { PackageStorage, UpdateStores } from '@cluster/firmware';
import type { CampaignStore, GroupStore } from '@cluster/fleet';
import { type Mount, openAccess } from '@cluster/nest-kit';
import { type ClusterStore, Northbound, type ReadModelStore, type SessionStore } from '@cluster/session';
import type { Logger, Metrics } from '@cluster/telemetry';
import { createFirmwareOrchestrator, firmwareMount } from './app.ts';
import { baseUrisOf } from './base-uris.ts';
import type { FirmwareDeps, FirmwareOptions } from './options.ts';
import { readSignatureKeys } from './packages/signature-keys.ts';

/** What an orchestrator stands on. All of it stays the caller's. */
export interface FirmwarePorts {
  readonly sessions: SessionStore;
  readonly cluster: ClusterStore;
  readonly updates: UpdateStores;
  readonly fleet: Pick<GroupStore, 'group'> & CampaignStore;
  readonly readModel: Pick<ReadModelStore, 'list' | 'values'>;
  readonly storage: PackageStorage;
  readonly events: EventConsumer;
  readonly publisher: EventPublisher;
  /** undefined: devices can not pull. */
  readonly secrets?: Secrets | undefined;
}

export interface RunningOrchestrator {
  readonly port: number;
  close(): Promise<void>;
}

const newId = () => randomBytes(12).toString('base64url');
const rng = { uint32: () => randomInt(2 ** 32) };

/** Resolves when REST is served. */
export async function startFirmwareOrchestrator(config: Config, ports: FirmwarePorts, metrics: Metrics, log: Logger): Promise<RunningOrchestrator> {
  const access = await openAccess(config, log);
  const { deps, options, tenantOf } = await parts(config, ports, metrics, log, baseUrisOf(config.firmwareUris));
  const orchestrator = await createFirmwareOrchestrator(deps, { ...access, tenantOf }, options);
  const { port } = await orchestrator.listen();
  return {
    port,
    async close() {
      await orchestrator.close();
      access.close();
    },
  };
}

/** The orchestrator within another application. `baseUris`: where its devices reach it, unless the configuration says. */
export async function mountFirmware(
  config: Config, ports: FirmwarePorts, metrics: Metrics, log: Logger, baseUris: FirmwareOptions['baseUris'],
): Promise<Mount> {
  const { deps, options } = await parts(config, ports, metrics, log, config.firmwareUris === undefined ? baseUris : baseUrisOf(config.firmwareUris));
  return firmwareMount(deps, options);
}

async function parts(config: Config, ports: FirmwarePorts, metrics: Metrics, log: Logger, baseUris: FirmwareOptions['baseUris']) {
  const { sessions, cluster, updates, fleet, readModel, storage, events, publisher, secrets } = ports;
  const limits = {
    queueEntries: config.queueMaxEntries, queueBytes: config.queueMaxBytes, observations: config.maxObservations,
    tenant: { entries: config.tenantQueueMaxEntries, bytes: config.tenantQueueMaxBytes },
  };
  const northbound = new Northbound({ sessions, cluster, limits, newId, rng });
  const deps: FirmwareDeps = {
    northbound, sessions, documents: cluster, updates, software: updates.software, campaigns: fleet.campaigns, groups: fleet, model: readModel, storage, events, publisher,
    links: secrets?.ring, log, metrics,
  };
  const options: Partial<FirmwareOptions> = {
    bind: config.httpBind, port: config.httpPort, replica: `firmware-${newId()}`, eventEncoding: config.eventEncoding, baseUris, cacheBytes: config.firmwareCacheBytes,
    signatureKeys: await readSignatureKeys(config.firmwareKeyFiles ?? []), signatureRequired: config.firmwareSignature === 'required',
  };
  return { deps, options, tenantOf: (endpoint: string) => northbound.tenantOf(endpoint) };
}
