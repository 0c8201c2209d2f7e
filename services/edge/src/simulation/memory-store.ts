/** The session ports in memory: what all workers of a run share. Passes the suites of the ports, as every adapter does. */
import type {
  Alarm, ClusterStore, CommitResult, DeviceNumber, DeviceWrite, DocumentLimit, DocumentPut, DocumentSet, Outage, Ring, SessionStore, StoredEntry, StoredSession, Waiting,
} from '@cluster/session';

interface Device {
  version: number;
  record: Uint8Array;
  /** Whether the record stands, and until when. */
  expiresMs: number;
  readonly entries: Map<string, StoredEntry>;
}

interface Until {
  readonly holder: string;
  readonly untilMs: number;
}

type RingListener = (number: DeviceNumber, queueOnly: boolean) => void;

const MAX_OUTAGES = 1_000;

/** Told of each write that took effect, before it does. */
export type WriteWatcher = (write: DeviceWrite, entries: ReadonlyMap<string, StoredEntry>) => void;

export class MemoryStore implements SessionStore, ClusterStore {
  readonly shards = 1;
  readonly devices = new Map<DeviceNumber, Device>();
  readonly #endpoints = new Map<string, DeviceNumber>();
  readonly #addresses = new Map<string, { number: DeviceNumber; untilMs: number }>();
  readonly #waiting = new Map<string, Map<DeviceNumber, Waiting>>();
  readonly #alarms = new Map<DeviceNumber, number>();
  readonly #leases = new Map<string, Until>();
  readonly #listeners = new Map<string, Set<RingListener>>();
  readonly #documents = new Map<string, { version: number; readonly documents: Map<string, string> }>();
  #outages: Outage[] = [];
  #watch: WriteWatcher = () => {};

  onWrite(watch: WriteWatcher): void {
    this.#watch = watch;
  }

  async resolve(endpoints: readonly string[]): Promise<(DeviceNumber | undefined)[]> {
    return endpoints.map((endpoint) => this.#endpoints.get(endpoint));
  }

  async claim(claims: readonly { endpoint: string; proposal: DeviceNumber; replaces?: DeviceNumber }[]): Promise<DeviceNumber[]> {
    return claims.map(({ endpoint, proposal, replaces }) => {
      const held = this.#endpoints.get(endpoint);
      if (held !== undefined && held !== replaces) return held;
      this.#endpoints.set(endpoint, proposal);
      return proposal;
    });
  }

  async release(endpoint: string, number: DeviceNumber): Promise<void> {
    if (this.#endpoints.get(endpoint) === number) this.#endpoints.delete(endpoint);
  }

  async load(numbers: readonly DeviceNumber[]): Promise<(StoredSession | undefined)[]> {
    return numbers.map((number) => {
      const device = this.#live(number);
      return device === undefined ? undefined : { version: device.version, record: device.record, entries: device.entries.size };
    });
  }

  async loadEntries(number: DeviceNumber): Promise<StoredEntry[]> {
    return [...(this.devices.get(number)?.entries.values() ?? [])];
  }

  async loadQueues(numbers: readonly DeviceNumber[]): Promise<StoredEntry[][]> {
    return Promise.all(numbers.map((number) => this.loadEntries(number)));
  }

  async commit(writes: readonly DeviceWrite[]): Promise<CommitResult[]> {
    return writes.map((write) => this.#commit(write));
  }

  async reserve({ tenant, number, entries, bytes }: Waiting, limit: { entries: number; bytes: number }): Promise<boolean> {
    const own = this.#waiting.get(tenant) ?? new Map<DeviceNumber, Waiting>();
    const sum = [...own.values()].reduce((all, one) => ({ entries: all.entries + one.entries, bytes: all.bytes + one.bytes }), { entries, bytes });
    if (sum.entries > limit.entries || sum.bytes > limit.bytes) return false;
    const held = own.get(number) ?? { entries: 0, bytes: 0 };
    this.#waiting.set(tenant, own.set(number, { tenant, number, entries: held.entries + entries, bytes: held.bytes + bytes }));
    return true;
  }

  async account(list: readonly Waiting[]): Promise<void> {
    for (const one of list) {
      const own = this.#waiting.get(one.tenant) ?? new Map<DeviceNumber, Waiting>();
      this.#waiting.set(one.tenant, own);
      if (one.entries === 0) own.delete(one.number);
      else own.set(one.number, one);
    }
  }

  /** Commands that wait for all devices, as the accounts have it. */
  get waiting(): number {
    return [...this.#waiting.values()].flatMap((own) => [...own.values()]).reduce((sum, { entries }) => sum + entries, 0);
  }

  async bindAddresses(bindings: readonly { peer: string; number: DeviceNumber; ttlMs: number }[]): Promise<void> {
    for (const { peer, number, ttlMs } of bindings) this.#addresses.set(peer, { number, untilMs: Date.now() + ttlMs });
  }

  async resolveAddresses(peers: readonly string[]): Promise<(DeviceNumber | undefined)[]> {
    return peers.map((peer) => {
      const bound = this.#addresses.get(peer);
      return bound !== undefined && bound.untilMs > Date.now() ? bound.number : undefined;
    });
  }

  async schedule(alarms: readonly Alarm[]): Promise<void> {
    for (const { number, atMs } of alarms) this.#setAlarm(number, atMs);
  }

  async due(shard: number, nowMs: number, limit: number): Promise<Alarm[]> {
    const due = shard === 0 ? [...this.#alarms].filter(([, atMs]) => atMs <= nowMs) : [];
    return due.map(([number, atMs]) => ({ number, atMs })).sort((a, b) => a.atMs - b.atMs).slice(0, limit);
  }

  async alarmsAfter(shard: number, afterMs: number, limit: number): Promise<Alarm[]> {
    const later = shard === 0 ? [...this.#alarms].filter(([, atMs]) => atMs > afterMs) : [];
    const alarms = later.map(([number, atMs]) => ({ number, atMs })).sort((a, b) => a.atMs - b.atMs);
    const last = alarms[Math.min(limit, alarms.length) - 1]?.atMs ?? 0;
    return alarms.filter(({ atMs }) => atMs <= last);
  }

  async settle(alarms: readonly { number: DeviceNumber; atMs: number; nextMs: number | undefined }[]): Promise<void> {
    for (const { number, atMs, nextMs } of alarms) {
      if (this.#alarms.get(number) !== atMs) continue;
      if (nextMs === undefined) this.#alarms.delete(number);
      else this.#alarms.set(number, nextMs);
    }
  }

  async timeMs(): Promise<number> {
    return Date.now();
  }

  async renewLease(worker: string, ttlMs: number): Promise<number> {
    this.#leases.set(`worker ${worker}`, { holder: worker, untilMs: Date.now() + ttlMs });
    return Date.now();
  }

  async releaseLease(worker: string): Promise<void> {
    this.#leases.delete(`worker ${worker}`);
  }

  async alive(workers: readonly string[]): Promise<boolean[]> {
    return workers.map((worker) => this.#holder(`worker ${worker}`) !== undefined);
  }

  async takeShard(shard: number, worker: string, ttlMs: number): Promise<boolean> {
    const name = `shard ${shard}`;
    if ((this.#holder(name) ?? worker) !== worker) return false;
    this.#leases.set(name, { holder: worker, untilMs: Date.now() + ttlMs });
    return true;
  }

  async ring(rings: readonly Ring[]): Promise<void> {
    for (const { worker, number, queueOnly = false } of rings) {
      for (const listener of this.#listeners.get(worker) ?? []) setTimeout(() => listener(number, queueOnly), 1);
    }
  }

  async onRing(worker: string, listener: RingListener): Promise<() => Promise<void>> {
    const own: RingListener = (number, queueOnly) => listener(number, queueOnly);
    const listeners = this.#listeners.get(worker) ?? new Set();
    this.#listeners.set(worker, listeners.add(own));
    return async () => void listeners.delete(own);
  }

  async reportOutage(outage: Outage): Promise<void> {
    const known = this.#outages.some(({ fromMs, toMs }) => fromMs === outage.fromMs && toMs === outage.toMs);
    if (known) return;
    this.#outages = [...this.#outages, outage].sort((a, b) => a.toMs - b.toMs || a.fromMs - b.fromMs).slice(-MAX_OUTAGES);
  }

  async outages(sinceMs: number): Promise<Outage[]> {
    return this.#outages.filter(({ toMs }) => toMs > sinceMs);
  }

  async documents(set: string, known?: number): Promise<DocumentSet | undefined> {
    const { version, documents } = this.#documents.get(set) ?? { version: 0, documents: new Map<string, string>() };
    return version === known ? undefined : { version, documents: new Map(documents) };
  }

  async putDocument(set: string, name: string, document: string | undefined, limit: DocumentLimit): Promise<DocumentPut> {
    const held = this.#documents.get(set) ?? { version: 0, documents: new Map<string, string>() };
    if (held.documents.get(name) === document) return 'unchanged';
    const after = new Map(held.documents);
    if (document === undefined) after.delete(name);
    else after.set(name, document);
    const bytes = [...after.values()].reduce((sum, text) => sum + Buffer.byteLength(text), 0);
    if (document !== undefined && (after.size > limit.documents || bytes > limit.bytes)) return 'full';
    this.#documents.set(set, { version: held.version + 1, documents: after });
    return 'stored';
  }

  async close(): Promise<void> {}

  #commit(write: DeviceWrite): CommitResult {
    const { number, session, entries = [] } = write;
    if (write.alarmMs !== undefined) this.#setAlarm(number, write.alarmMs);
    const live = this.#live(number);
    if (session !== undefined && session.expected !== (live?.version ?? 0)) return 'conflict';
    const device = this.devices.get(number) ?? { version: 0, record: new Uint8Array(), expiresMs: 0, entries: new Map() };
    if (entries.some(({ id, expected }) => (device.entries.get(id)?.version ?? 0) !== expected)) return 'conflict';
    const after = new Map(device.entries);
    for (const { id, expected, record } of entries) {
      if (record === undefined) after.delete(id);
      else after.set(id, { id, version: expected + 1, record });
    }
    if (write.limit !== undefined && entries.length > 0 && passes(after, write.limit)) return 'full';
    this.#watch(write, device.entries);
    device.entries.clear();
    for (const [id, entry] of after) device.entries.set(id, entry);
    if (session?.record !== undefined) {
      const expiresMs = session.ttlMs === undefined ? Infinity : Date.now() + session.ttlMs;
      Object.assign(device, { version: session.expected + 1, record: session.record, expiresMs });
    }
    this.devices.set(number, device);
    return 'committed';
  }

  #setAlarm(number: DeviceNumber, atMs: number): void {
    this.#alarms.set(number, Math.min(atMs, (this.#alarms.get(number) ?? Infinity) - 1));
  }

  #live(number: DeviceNumber): Device | undefined {
    const device = this.devices.get(number);
    return device !== undefined && device.expiresMs > Date.now() ? device : undefined;
  }

  #holder(name: string): string | undefined {
    const held = this.#leases.get(name);
    return held !== undefined && held.untilMs > Date.now() ? held.holder : undefined;
  }
}

function passes(entries: ReadonlyMap<string, StoredEntry>, limit: { entries: number; bytes: number }): boolean {
  const bytes = [...entries.values()].reduce((sum, { record }) => sum + record.length, 0);
  return entries.size > limit.entries || bytes > limit.bytes;
}
