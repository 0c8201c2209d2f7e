/** An orchestrator on embedded storage, and what tests do with its REST face. */
import { createHash, randomInt } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEmbeddedEvents } from '@cluster/events-embedded';
import type { PackageStorage } from '@cluster/firmware';
import { silentLog } from '@cluster/nest-kit';
import { DirectoryStorage } from '@cluster/package-storage';
import { KeyRing } from '@cluster/secrets';
import { Northbound } from '@cluster/session';
import { openEmbeddedStore } from '@cluster/store-embedded';
import { Metrics } from '@cluster/telemetry';
import type { PackageRequest, PackageView } from '@cluster/contracts';
import { type Access, createFirmwareOrchestrator, type FirmwareOrchestrator } from '../app.ts';
import type { FirmwareDeps, FirmwareOptions } from '../options.ts';

export const RING = new KeyRing([{ id: 1, bytes: new Uint8Array(32).fill(7) }]);
export const bytesOf = (length: number): Buffer => Buffer.from(Uint8Array.from({ length }, (_, i) => (i * 31) >> 3));
export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

export class Bench {
  readonly directory: string;
  readonly deps: FirmwareDeps;
  readonly store: ReturnType<typeof openEmbeddedStore>;
  readonly events: ReturnType<typeof openEmbeddedEvents>;
  #orchestrator: FirmwareOrchestrator | undefined;
  url = '';

  protected constructor(directory: string, storage: PackageStorage, file = join(directory, 'store.db')) {
    this.directory = directory;
    this.store = openEmbeddedStore({ file });
    this.events = openEmbeddedEvents({ file });
    const { store } = this;
    this.deps = {
      northbound: this.northbound(), sessions: store, documents: store, updates: store, software: store.software, campaigns: store.campaigns, groups: store, model: store, storage, events: this.events.consumer(), publisher: this.events.publisher(),
      links: RING, log: silentLog, metrics: new Metrics(),
    };
  }

  /** Where commands go. */
  protected northbound(): FirmwareDeps['northbound'] {
    const { store } = this;
    const limits = { queueEntries: 100, queueBytes: 1_000_000, observations: 100 };
    let ids = 0;
    return new Northbound({ sessions: store, cluster: store, limits, newId: () => `id${++ids}`, rng: { uint32: () => randomInt(2 ** 32) } });
  }

  static async open(wrap: (storage: PackageStorage) => PackageStorage = (storage) => storage): Promise<Bench> {
    const directory = await mkdtemp(join(tmpdir(), 'firmware-'));
    return new Bench(directory, wrap(await DirectoryStorage.open(join(directory, 'packages'))));
  }

  /** Starts the orchestrator; again after {@link halt}, as a process that comes back. */
  async start(options: Partial<FirmwareOptions> = {}, access: Omit<Access, 'tenantOf'> = {}): Promise<void> {
    this.#orchestrator = await createFirmwareOrchestrator(this.deps, { tenantOf: () => Promise.resolve('default'), ...access }, { port: 0, pollMs: 20, leaseMs: 200, ...options });
    this.url = `http://127.0.0.1:${(await this.#orchestrator.listen()).port}`;
  }

  async halt(): Promise<void> {
    await this.#orchestrator?.close();
    this.#orchestrator = undefined;
  }

  async close(): Promise<void> {
    await this.halt();
    await this.events.close();
    await this.store.close();
    await rm(this.directory, { recursive: true });
  }

  async call(method: string, path: string, body?: unknown, key?: string): Promise<{ status: number; body: Record<string, unknown>; headers: Headers }> {
    const json = body === undefined ? {} : { 'content-type': 'application/json' };
    const headers = { ...json, ...(key === undefined ? {} : { 'x-api-key': key }) };
    const response = await fetch(this.url + path, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
    const text = await response.text();
    return { status: response.status, body: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>), headers: response.headers };
  }

  /** Sends bytes from an offset on. */
  async upload(id: string, offset: number, bytes: Uint8Array, type = 'application/octet-stream'): Promise<{ status: number; body: Record<string, unknown> }> {
    const headers = { 'content-type': type, 'upload-offset': String(offset) };
    const response = await fetch(`${this.url}/api/v1/firmware/packages/${id}/content`, { method: 'PATCH', body: Buffer.from(bytes), headers });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  }

  async announce(bytes: Uint8Array, more: Partial<PackageRequest> = {}): Promise<string> {
    const { status, body } = await this.call('POST', '/api/v1/firmware/packages', { version: '2.0', size: bytes.length, sha256: sha256(bytes), ...more });
    if (status !== 201) throw new Error(JSON.stringify(body));
    return (body as unknown as PackageView).id;
  }

  async package(bytes: Uint8Array, more: Partial<PackageRequest> = {}): Promise<string> {
    const id = await this.announce(bytes, more);
    const { status, body } = await this.upload(id, 0, bytes);
    if (status !== 200) throw new Error(JSON.stringify(body));
    return id;
  }
}
