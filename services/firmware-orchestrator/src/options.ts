/** What a firmware orchestrator is made of: the ports it talks to, and its settings. */
import type { EventConsumer, EventEncoding, EventPublisher } from '@cluster/events';
import type { PackageStorage, UpdateStore } from '@cluster/firmware';
import type { GroupStore, JobStore } from '@cluster/fleet';
import type { firmware } from '@cluster/lwm2m';
import type { JobRunnerSettings, Log } from '@cluster/nest-kit';
import type { KeyRing } from '@cluster/secrets';
import type { ClusterStore, Northbound, ReadModelStore, SessionStore } from '@cluster/session';
import type { Metrics } from '@cluster/telemetry';
import type { KeyObject } from 'node:crypto';

/** All of it stays the caller's: closing the orchestrator closes none of it. */
export interface FirmwareDeps {
  readonly northbound: Pick<Northbound, 'submit' | 'command' | 'cancel' | 'traits'>;
  readonly sessions: Pick<SessionStore, 'timeMs' | 'resolve' | 'load'>;
  readonly documents: Pick<ClusterStore, 'documents' | 'putDocument'>;
  readonly updates: UpdateStore;
  readonly software: UpdateStore;
  readonly campaigns: JobStore;
  readonly groups: Pick<GroupStore, 'group'>;
  readonly model: Pick<ReadModelStore, 'list' | 'values'>;
  readonly storage: PackageStorage;
  readonly events: EventConsumer;
  readonly publisher: Pick<EventPublisher, 'publish'>;
  /** What links are sealed with; undefined: there are no secrets, and devices can not pull. */
  readonly links?: KeyRing | undefined;
  readonly log: Log;
  readonly metrics: Metrics;
}

export interface FirmwareOptions {
  readonly bind: string;
  /** 0: any free port. */
  readonly port: number;
  readonly bodyLimitBytes: number;
  /** The consumer group: one for all replicas. */
  readonly group: string;
  readonly eventEncoding: EventEncoding;
  /** Public keys of signatures by their ids, and whether every package needs one. */
  readonly signatureKeys: ReadonlyMap<string, KeyObject>;
  readonly signatureRequired: boolean;
  /** Where devices reach the files of this cluster, without a slash at the end, by scheme. */
  readonly baseUris: Readonly<Partial<Record<firmware.FirmwareScheme, string>>>;
  /** Bytes of packages kept in memory for devices that fetch them by HTTP. */
  readonly cacheBytes: number;
  /** Between looks for updates that are due, and after which one that was taken is due again. */
  readonly pollMs: number;
  readonly leaseMs: number;
  /** Names this orchestrator among the others that carry campaigns on. */
  readonly replica: string;
  readonly campaigns: JobRunnerSettings;
  /** An upload that nobody went on with so long is removed. */
  readonly uploadKeptMs: number;
  readonly retryMs: number;
  readonly drainMs: number;
}

export const defaultOptions: FirmwareOptions = Object.freeze({
  bind: '127.0.0.1',
  port: 8_081,
  bodyLimitBytes: 1_048_576,
  group: 'firmware',
  eventEncoding: 'json',
  signatureKeys: new Map(),
  signatureRequired: false,
  baseUris: {},
  cacheBytes: 16 * 1_048_576,
  pollMs: 1_000,
  leaseMs: 30_000,
  replica: 'firmware',
  campaigns: Object.freeze({ pollMs: 1_000, idleMs: 100, idleMostMs: 1_000, retryMs: 1_000, leaseMs: 10_000 }),
  uploadKeptMs: 86_400_000,
  retryMs: 1_000,
  drainMs: 5_000,
});
