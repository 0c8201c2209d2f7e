/** What a registry is made of: the ports it talks to, and its settings. */
import type { EventConsumer, EventEncoding, EventPublisher } from '@cluster/events';
import type { GroupStore, JobStore } from '@cluster/fleet';
import type { AccessDeps, JobRunnerSettings, Log } from '@cluster/nest-kit';
import type { ReadModelStore, SessionStore } from '@cluster/session';
import type { Metrics } from '@cluster/telemetry';
import type { DeadLetterSink } from './consumers/dead-letters.ts';
import type { CredentialsPort, NorthboundPort, TemplatePort } from './northbound-port.ts';

/** All of it stays the caller's: closing the registry closes none of it. */
export interface RegistryDeps {
  readonly northbound: NorthboundPort;
  readonly templates: TemplatePort;
  /** undefined: the server has no secrets, and so no credentials. */
  readonly credentials?: CredentialsPort | undefined;
  /** Asked for its clock alone: whether the store answers. */
  readonly sessions: Pick<SessionStore, 'timeMs'>;
  readonly model: ReadModelStore;
  readonly fleet: JobStore & GroupStore;
  readonly events: EventConsumer;
  /** Takes the results of commands that were not queued. */
  readonly publisher: Pick<EventPublisher, 'publish'>;
  /** Who may do what; without it nobody is asked. */
  readonly access?: Pick<AccessDeps, 'keys' | 'tokens'> | undefined;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly deadLetters?: DeadLetterSink | undefined;
}

export interface RegistryOptions {
  /** Address that HTTP listens on. */
  readonly bind: string;
  /** 0: any free port. */
  readonly port: number;
  /** Largest body of a request. */
  readonly bodyLimitBytes: number;
  /** The consumer group of the read model and of commands: one for all replicas. */
  readonly group: string;
  /** Names this replica among the others, while it carries on jobs. */
  readonly replica: string;
  readonly jobs: JobRunnerSettings;
  /** Of the values of events that the registry tells. */
  readonly eventEncoding: EventEncoding;
  /** Whether the records of commands from Kafka have to show who asks. */
  readonly commandsChecked: boolean;
  readonly streams: number;
  readonly streamOpensPerSecond: number;
  readonly heartbeatMs: number;
  /** Readers who are given old events from the topics at the same time; others wait for their turn. */
  readonly catchUps: number;
  /** Events kept for readers that come again, and bytes in them. */
  readonly recentEvents: number;
  readonly recentBytes: number;
  /** Callers who wait for a command at the same time. */
  readonly waiters: number;
  readonly valuesPerEndpoint: number;
  /** Between tries to reach the broker. */
  readonly retryMs: number;
  /** What requests that are under way may take after `close`. */
  readonly drainMs: number;
}

export const defaultOptions: RegistryOptions = Object.freeze({
  bind: '127.0.0.1',
  port: 8_080,
  bodyLimitBytes: 2 * 1_048_576,
  group: 'registry',
  replica: 'registry',
  jobs: Object.freeze({ pollMs: 1_000, idleMs: 100, idleMostMs: 2_000, retryMs: 1_000, leaseMs: 10_000 }),
  eventEncoding: 'json',
  commandsChecked: false,
  streams: 500,
  streamOpensPerSecond: 50,
  heartbeatMs: 15_000,
  catchUps: 16,
  recentEvents: 50_000,
  recentBytes: 64 * 1_048_576,
  waiters: 10_000,
  valuesPerEndpoint: 1_000,
  retryMs: 1_000,
  drainMs: 5_000,
});
