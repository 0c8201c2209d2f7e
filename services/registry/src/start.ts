/** Starts a registry as a configuration says, on whichever adapters it is given. */
import { randomBytes, randomInt } from 'node:crypto';
import type { Config } from '@cluster/config';
import type { EventConsumer, EventPublisher } from '@cluster/events';
import type { GroupStore, JobStore } from '@cluster/fleet';
import { type ClusterStore, Northbound, type ReadModelStore, type SessionStore } from '@cluster/session';
import type { Logger, Metrics } from '@cluster/telemetry';
import { createRegistry } from './app.ts';
import { deadLetterTopics } from './consumers/dead-letter-topics.ts';

/** What a registry stands on. All of it stays the caller's. */
export interface RegistryPorts {
  readonly sessions: SessionStore;
  readonly cluster: ClusterStore;
  readonly readModel: ReadModelStore;
  readonly fleet: JobStore & GroupStore;
  readonly events: EventConsumer;
  readonly publisher: EventPublisher;
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
export async function startRegistry(config: Config, ports: RegistryPorts, metrics: Metrics, log: Logger): Promise<RunningRegistry> {
  const { sessions, cluster, readModel, fleet, events, publisher } = ports;
  const limits = { queueEntries: config.queueMaxEntries, queueBytes: config.queueMaxBytes, observations: config.maxObservations };
  const northbound = new Northbound({ sessions, cluster, limits, newId, rng });
  const registry = await createRegistry(
    {
      northbound, templates: northbound.templates, sessions, model: readModel, fleet, events, publisher, metrics, log,
      deadLetters: deadLetterTopics(publisher),
    },
    {
      bind: config.httpBind,
      port: config.httpPort,
      replica: newId(),
      bodyLimitBytes: Math.ceil((config.maxBodyBytes * 4) / 3) + COMMAND_OVERHEAD_BYTES,
      eventEncoding: config.eventEncoding,
    },
  );
  const { port } = await registry.listen();
  return { port, close: () => registry.close() };
}
