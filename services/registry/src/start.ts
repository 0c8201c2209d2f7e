/** Starts a registry as a configuration says, on whichever adapters it is given. */
import { randomBytes, randomInt } from 'node:crypto';
import type { Config, Secrets } from '@cluster/config';
import type { EventConsumer, EventPublisher } from '@cluster/events';
import type { GroupStore, JobStore } from '@cluster/fleet';
import { type Mount, openAccess } from '@cluster/nest-kit';
import {
  type ClusterStore, ConfigurationStore, CredentialDesk, type CredentialStore, EndpointNumbers, Northbound, type ReadModelStore, type SessionStore,
} from '@cluster/session';
import type { Logger, Metrics } from '@cluster/telemetry';
import { createRegistry } from './app.ts';
import { SubmissionRate } from './commands/submission-rate.ts';
import { deadLetterTopics } from './consumers/dead-letter-topics.ts';
import { SealRenewal } from './seal-renewal.ts';

/** What a registry stands on. All of it stays the caller's. */
export interface RegistryPorts {
  readonly sessions: SessionStore;
  readonly cluster: ClusterStore;
  readonly readModel: ReadModelStore;
  readonly fleet: JobStore & GroupStore;
  readonly events: EventConsumer;
  readonly publisher: EventPublisher;
  /** undefined: there are no secrets, and so no credentials. */
  readonly credentials?: { readonly store: CredentialStore; readonly secrets: Secrets } | undefined;
}

export interface RunningRegistry {
  readonly port: number;
  close(): Promise<void>;
}

/** A value of the device's greatest body is a third longer in base64; the rest of the command is small. */
const COMMAND_OVERHEAD_BYTES = 65_536;

const newId = () => randomBytes(12).toString('base64url');
const rng = { uint32: () => randomInt(2 ** 32) };

/** Resolves when REST is served. */
export async function startRegistry(
  config: Config, ports: RegistryPorts, metrics: Metrics, log: Logger, mounts: readonly Mount[] = [],
): Promise<RunningRegistry> {
  const { sessions, cluster, readModel, fleet, events, publisher } = ports;
  const limits = {
    queueEntries: config.queueMaxEntries,
    queueBytes: config.queueMaxBytes,
    tenant: { entries: config.tenantQueueMaxEntries, bytes: config.tenantQueueMaxBytes },
    observations: config.maxObservations,
  };
  const rate = new SubmissionRate(config.tenantCommandsPerS);
  const admit = (tenant: string) => rate.take(tenant, performance.now());
  const northbound = new Northbound({ sessions, cluster, limits, newId, rng, admit });
  const desk = credentialDesk(config, ports);
  const access = await openAccess(config, log);
  const registry = await createRegistry(
    {
      access,
      northbound, templates: northbound.templates, credentials: desk, sessions, model: readModel, fleet, events,
      publisher, metrics, log,
      deadLetters: deadLetterTopics(publisher),
    },
    {
      bind: config.httpBind,
      port: config.httpPort,
      replica: newId(),
      bodyLimitBytes: Math.ceil((config.maxBodyBytes * 4) / 3) + COMMAND_OVERHEAD_BYTES,
      eventEncoding: config.eventEncoding,
      commandsChecked: config.kafkaCommands === 'checked',
    },
    mounts,
  );
  const { port } = await registry.listen();
  const secrets = ports.credentials?.secrets;
  const renewal = desk && secrets && sealRenewal(desk, secrets, ports, metrics, log);
  return {
    port,
    async close() {
      await renewal?.close();
      await registry.close();
      access.close();
    },
  };
}

function credentialDesk(config: Config, { sessions, cluster, credentials }: RegistryPorts): CredentialDesk | undefined {
  if (credentials === undefined) return undefined;
  const { store, secrets } = credentials;
  return new CredentialDesk({
    store,
    cluster,
    devices: new EndpointNumbers({ sessions, cluster, rng }),
    ring: secrets.ring,
    sealer: secrets.sealer,
    policy: { shortPsks: config.shortPsk, sharedPsks: config.sharedPsk },
    timeMs: () => sessions.timeMs(),
  });
}

/** While the secret file holds a former secret, what it sealed is sealed anew. */
function sealRenewal(desk: CredentialDesk, secrets: Secrets, ports: RegistryPorts, metrics: Metrics, log: Logger): SealRenewal {
  const { cluster, readModel, sessions } = ports;
  const configurations = new ConfigurationStore({ documents: cluster, sealer: secrets.sealer, timeMs: () => sessions.timeMs() });
  const renewal = new SealRenewal({ desk, configurations, directory: readModel, metrics, log });
  if (secrets.ring.all('sealing').length > 1) renewal.start();
  secrets.onChange(() => renewal.start());
  return renewal;
}
