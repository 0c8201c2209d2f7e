/**
 * The ports through which groups and jobs are kept. Adapters: `@cluster/store-redis`, `@cluster/store-embedded`; both
 * pass the compliance suite of `@cluster/testing`. Records are opaque text; every atomic step is a compare-and-set.
 * Every call may fail as `StoreUnavailable` does: nothing is known about the step then.
 */

export interface StoredJob {
  readonly id: string;
  /** Counts the changes of the record, from 1. */
  readonly version: number;
  readonly record: string;
}

/** Where one device of a job stands. What precedes the first space is the `bucket` that it is counted and listed under. */
export interface DeviceMove {
  readonly endpoint: string;
  /** What the device must stand at; undefined: it must not be there. */
  readonly expected: string | undefined;
  readonly next: string;
}

export interface StoredDevice {
  readonly endpoint: string;
  readonly value: string;
}

/** Keeps jobs with their devices; campaigns of firmware too, in a set of their own ({@link CampaignStore}). */
export interface JobStore {
  /** False if there is a job of that id already. A new job is active. */
  createJob(id: string, createdAtMs: number, record: string): Promise<boolean>;
  loadJob(id: string): Promise<StoredJob | undefined>;
  /** False if the version is not `expected`. */
  changeJob(id: string, expected: number, record: string): Promise<boolean>;
  /**
   * Changes the record and moves these devices, all of it or nothing: false if the version is not `expected`, or a device
   * does not stand where it is expected to.
   */
  advanceJob(id: string, expected: number, record: string, moves: readonly DeviceMove[]): Promise<boolean>;
  /** Newest first; `before` is the cursor that the page before gave. A page may be short though others follow. */
  jobs(options: { before?: string; limit: number }): Promise<{ jobs: StoredJob[]; next: string | undefined }>;

  /** Jobs that somebody has to carry on. */
  activeJobs(): Promise<string[]>;
  /** Takes a job for `ttlMs`, if nobody else has it. */
  takeJob(id: string, worker: string, ttlMs: number): Promise<boolean>;
  /** Gives a job back before its time is over. */
  giveJob(id: string, worker: string): Promise<void>;
  /** The job is active no more, and vanishes with its devices after `keepMs`. */
  retireJob(id: string, keepMs: number): Promise<void>;

  /** Moves each device that stands where it is expected to; tells which. */
  moveDevices(id: string, moves: readonly DeviceMove[]): Promise<boolean[]>;
  loadDevices(id: string, endpoints: readonly string[]): Promise<(string | undefined)[]>;
  /** Devices of a bucket in order of their names, after `after`. */
  listDevices(id: string, options: { bucket: string; after?: string; limit: number }): Promise<StoredDevice[]>;
  /** How many devices stand in each bucket. */
  countDevices(id: string): Promise<Record<string, number>>;
}

/** Where campaigns are kept: as jobs are, apart from them. */
export interface CampaignStore {
  readonly campaigns: JobStore;
}

export interface GroupStore {
  putGroup(name: string, record: string): Promise<void>;
  group(name: string): Promise<string | undefined>;
  /** False if there is none. */
  deleteGroup(name: string): Promise<boolean>;
  /** In order of their names. */
  groups(): Promise<{ name: string; record: string }[]>;
}
