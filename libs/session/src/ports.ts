/**
 * The ports through which session state is kept. Adapters: `@cluster/store-redis`, `@cluster/store-embedded`; both
 * pass the compliance suite of `@cluster/testing`. Records are opaque bytes to an adapter: what they mean is decided
 * in this package alone, and every atomic step is a compare-and-set by version on the keys of one device.
 */

/** 48 random bits as 8 base64url characters. */
export type DeviceNumber = string;

/** `overdue`: no answer in time; `replicas`: too few of them have it; `refused`: a fault of the store's own. */
export type StoreFault = 'away' | 'overdue' | 'replicas' | 'refused';

/** The store did not answer, or answered with a fault of its own. Nothing is known about the step: it may have happened. */
export class StoreUnavailable extends Error {
  readonly code = 'STORE_UNAVAILABLE';
  readonly reason: StoreFault;

  constructor(message: string, { reason = 'away', ...options }: ErrorOptions & { readonly reason?: StoreFault } = {}) {
    super(message, options);
    this.reason = reason;
  }
}

/**
 * Of a batch, what lies in one part of the store failed with it; the rest was carried out. Who sees no more than a
 * {@link StoreUnavailable} takes all of the batch for refused.
 */
export class PartlyUnavailable<T = unknown> extends StoreUnavailable {
  /** As the batch would have been answered, with the fault in the place of what failed. */
  readonly results: readonly (T | StoreUnavailable)[];

  constructor(results: readonly (T | StoreUnavailable)[]) {
    const cause = results.find((result) => result instanceof StoreUnavailable);
    super('a part of the store is away', { cause, reason: cause?.reason ?? 'away' });
    this.results = results;
  }

  /** The same with other results. */
  map<R>(change: (result: T) => R): PartlyUnavailable<R> {
    return new PartlyUnavailable(this.results.map((result) => (result instanceof StoreUnavailable ? result : change(result))));
  }
}

/** What became of each item of a batch. Rejects where nothing of it was carried out. */
export async function eachOf<T>(batch: Promise<readonly T[]>): Promise<readonly (T | StoreUnavailable)[]> {
  try {
    return await batch;
  } catch (error) {
    if (error instanceof PartlyUnavailable) return (error as PartlyUnavailable<T>).results;
    throw error;
  }
}

export interface StoredSession {
  /** Counts the commits of the session record, from 1. */
  readonly version: number;
  readonly record: Uint8Array;
  /** How many downlink entries the device has, finished ones included. */
  readonly entries: number;
}

export interface StoredEntry {
  readonly id: string;
  readonly version: number;
  readonly record: Uint8Array;
}

/** Sets, replaces or removes one downlink entry, if its version still is `expected` (0: it must not exist). */
export interface EntryWrite {
  readonly id: string;
  readonly expected: number;
  /** undefined removes it. */
  readonly record: Uint8Array | undefined;
}

/** One atomic step on one device: all of it happens, or nothing. */
export interface DeviceWrite {
  readonly number: DeviceNumber;
  /**
   * The session record; `expected` 0: must not exist. Without `record` it stays as it is, if its version still is
   * `expected`. `ttlMs` lets a record that has ended vanish by itself.
   */
  readonly session?: { readonly expected: number; readonly record?: Uint8Array; readonly ttlMs?: number };
  readonly entries?: readonly EntryWrite[] | undefined;
  /** Sets the device's alarm, or brings it forward, before the rest is done; it stands whatever comes of the rest. */
  readonly alarmMs?: number | undefined;
  /** With entries: refuse the whole write if there would be more entries, or more bytes in them, than this. */
  readonly limit?: { readonly entries: number; readonly bytes: number };
}

/** `conflict`: an expected version was not the stored one; load and decide again. `full`: a limit was reached. */
export type CommitResult = 'committed' | 'conflict' | 'full';

/** Commands that wait for one device, and bytes in them. */
export interface Waiting {
  readonly tenant: string;
  readonly number: DeviceNumber;
  readonly entries: number;
  readonly bytes: number;
}

export interface Alarm {
  readonly number: DeviceNumber;
  readonly atMs: number;
}

/** Sessions, downlink queues, alarms and the addresses of devices. Times are the store's clock ({@link SessionStore.timeMs}). */
export interface SessionStore {
  /** The numbers of endpoints that have one. */
  resolve(endpoints: readonly string[]): Promise<(DeviceNumber | undefined)[]>;
  /**
   * Gives an endpoint its number: `proposal` if it has none or has `replaces`, else the one it has. Returns the number
   * that holds after the call.
   */
  claim(claims: readonly { endpoint: string; proposal: DeviceNumber; replaces?: DeviceNumber }[]): Promise<DeviceNumber[]>;
  /** Takes the number from the endpoint, if it still is this one. */
  release(endpoint: string, number: DeviceNumber): Promise<void>;

  load(numbers: readonly DeviceNumber[]): Promise<(StoredSession | undefined)[]>;
  loadEntries(number: DeviceNumber): Promise<StoredEntry[]>;
  /** The same for many devices, in their order. */
  loadQueues(numbers: readonly DeviceNumber[]): Promise<StoredEntry[][]>;
  /** Commits each write atomically; one failing by version does not touch the others. Same order as `writes`. */
  commit(writes: readonly DeviceWrite[]): Promise<CommitResult[]>;

  /**
   * Adds to what waits for a device, as its tenant's account has it, unless what waits for all of the tenant's devices
   * would pass `limit` then. False: it would.
   */
  reserve(add: Waiting, limit: { readonly entries: number; readonly bytes: number }): Promise<boolean>;
  /** Sets what waits for devices. It is told again and again, so that whatever a crash left in an account is put right. */
  account(list: readonly Waiting[]): Promise<void>;

  /** Which device last spoke from an address: a hint only, which the session must confirm. */
  bindAddresses(bindings: readonly { peer: string; number: DeviceNumber; ttlMs: number }[]): Promise<void>;
  resolveAddresses(peers: readonly string[]): Promise<(DeviceNumber | undefined)[]>;

  /**
   * Sets each device's alarm, or brings it forward: one that stands earlier by 1 ms, so that whoever looked before this call
   * does not put it off.
   */
  schedule(alarms: readonly Alarm[]): Promise<void>;
  /** Alarms of one shard that are due, earliest first. They stay until `settle`d: a crash in between loses none. */
  due(shard: number, nowMs: number, limit: number): Promise<Alarm[]>;
  /** Alarms of one shard later than `afterMs`, due or not, earliest first: about `limit` of them, and all of the last one's time. */
  alarmsAfter(shard: number, afterMs: number, limit: number): Promise<Alarm[]>;
  /** Moves each alarm to `nextMs` or removes it, if it still stands at `atMs` (else it was brought forward meanwhile: left). */
  settle(alarms: readonly { number: DeviceNumber; atMs: number; nextMs: number | undefined }[]): Promise<void>;
  readonly shards: number;

  /** The store's clock, ms since 1970. */
  timeMs(): Promise<number>;
  close(): Promise<void>;
}

/** A time in which the cluster could not take Updates: [fromMs, toMs] of the store's clock. */
export interface Outage {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Small documents that operators write and every worker holds, read as a whole. */
export interface DocumentSet {
  /** Counts the changes; 0: nobody ever wrote one. */
  readonly version: number;
  /** By name. */
  readonly documents: ReadonlyMap<string, string>;
}

/** Bounds of one set: how many documents, and bytes in all of them. */
export interface DocumentLimit {
  readonly documents: number;
  readonly bytes: number;
}

export type DocumentPut = 'stored' | 'unchanged' | 'full';

export interface DocumentStore {
  /** A set of documents; undefined if its version still is `known`. */
  documents(set: string, known?: number): Promise<DocumentSet | undefined>;
  /**
   * Sets one document, which is not empty, or removes it (undefined). `unchanged`: it already is so, and the set's version stays. `full`: the
   * set would pass its limit.
   */
  putDocument(set: string, name: string, document: string | undefined, limit: DocumentLimit): Promise<DocumentPut>;
}

/** A doorbell: a worker's device has something to do. */
export interface Ring {
  readonly worker: string;
  readonly number: DeviceNumber;
  /** Its queue changed, its session did not. */
  readonly queueOnly?: boolean;
}

/** How workers know of each other: leases, doorbells, and the outages that no device may suffer for. */
export interface ClusterStore extends DocumentStore {
  /** Renews the worker's lease and returns the store's time. */
  renewLease(worker: string, ttlMs: number): Promise<number>;
  releaseLease(worker: string): Promise<void>;
  alive(workers: readonly string[]): Promise<boolean[]>;
  /** Tells a worker that devices have something to do. May get lost: the sweeper rings again. */
  ring(rings: readonly Ring[]): Promise<void>;
  /** Hears the doorbells of one worker. Returns its own removal. */
  onRing(worker: string, listener: (number: DeviceNumber, queueOnly: boolean) => void): Promise<() => Promise<void>>;
  /** Takes the sweep of one shard for `ttlMs`, if nobody else has it. */
  takeShard(shard: number, worker: string, ttlMs: number): Promise<boolean>;
  reportOutage(outage: Outage): Promise<void>;
  /** Outages that ended after `sinceMs`, oldest first. The store keeps the newest 1,000. */
  outages(sinceMs: number): Promise<Outage[]>;
}


export interface DirectoryEntry {
  readonly endpoint: string;
  readonly state: string;
  readonly changedAtMs: number;
  /** Missing where it has none. */
  readonly labels?: Readonly<Record<string, string>>;
}

/** What an event says of an endpoint. State and labels change at times of their own. */
export interface DirectoryChange extends Omit<DirectoryEntry, 'labels'> {
  /** All labels, and since when; missing where the event says nothing of them. */
  readonly labelled?: { readonly labels: Readonly<Record<string, string>>; readonly atMs: number };
}

export interface DirectoryFilter {
  /** One of these states. */
  readonly states?: readonly string[];
  /** All of these labels. */
  readonly labels?: Readonly<Record<string, string>>;
}

export interface StoredValue {
  readonly path: string;
  /** When the value was true: the device's time, else the server's. Older ones never replace newer ones. */
  readonly atMs: number;
  /** JSON of the last value, opaque to the store. */
  readonly json: string;
}

/** What the registry's consumers keep for readers: the directory of endpoints and their last values. */
export interface ReadModelStore {
  /** Keeps each state, and each endpoint's labels, unless newer ones are known. */
  putEntries(entries: readonly DirectoryChange[]): Promise<void>;
  /** Endpoints in order of their names, after `after`, that pass the filter: fewer than `limit` only at the end. */
  list(options: DirectoryFilter & { after?: string; limit: number }): Promise<DirectoryEntry[]>;
  /** Keeps the newest value of each path, at most `maxPaths` paths an endpoint. */
  putValues(values: readonly { endpoint: string; values: readonly StoredValue[] }[], maxPaths: number): Promise<void>;
  /** All last values of one endpoint, in order of their paths' text. */
  values(endpoint: string): Promise<StoredValue[]>;
  forgetValues(endpoint: string): Promise<void>;
}
