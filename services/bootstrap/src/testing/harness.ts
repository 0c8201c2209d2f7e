/** The bootstrap service on embedded storage with configurations as a test tells them, and its REST face. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '@cluster/config';
import { type BootstrapSessionPage, type BootstrapSessionView, topics } from '@cluster/contracts';
import { TrustStore } from '@cluster/dtls';
import { readEvent } from '@cluster/events';
import { openEmbeddedEvents } from '@cluster/events-embedded';
import { ObjectModel } from '@cluster/lwm2m';
import { ddfDirectory } from '@cluster/lwm2m/ddf-directory';
import type { BootstrapRequest, FinishedBootstrap, Prepared, Provision } from '@cluster/session';
import { KeyRing, Sealer } from '@cluster/secrets';
import { openEmbeddedStore } from '@cluster/store-embedded';
import { createLogger, Metrics } from '@cluster/telemetry';
import { runBootstrap, type BootstrapDeps, type RunningBootstrap } from '../index.ts';
import { openProvisioning } from '../provisioning.ts';

const model = new ObjectModel(ddfDirectory());

export const PROVISION: Provision = {
  configuration: 'meters',
  revision: 4,
  writes: [
    {
      path: '/0/1',
      resources: [
        { id: 0, type: 'string', value: 'coap://127.0.0.1:5683' }, { id: 1, type: 'boolean', value: false }, { id: 2, type: 'integer', value: 3 },
        { id: 3, type: 'opaque', value: new Uint8Array() }, { id: 4, type: 'opaque', value: new Uint8Array() }, { id: 5, type: 'opaque', value: new Uint8Array() },
        { id: 10, type: 'integer', value: 1 },
      ],
    },
    {
      path: '/1/0',
      resources: [
        { id: 0, type: 'integer', value: 1 }, { id: 1, type: 'integer', value: 300 }, { id: 6, type: 'boolean', value: true }, { id: 7, type: 'string', value: 'U' },
      ],
    },
  ],
  deletes: 'all-but-bootstrap',
  keep: [],
  discoverFirst: true,
  readBack: [],
};

/** Every endpoint is one that is known, and has the same number. */
const provisioned = ({ endpoint = '' }: BootstrapRequest): Prepared => ({ kind: 'provision', endpoint, number: 'NUMBER01', provision: PROVISION });

export class Harness {
  readonly metrics = new Metrics();
  readonly finished: FinishedBootstrap[] = [];
  readonly asked: BootstrapRequest[] = [];
  /** Endpoint names of what was told on Kafka. */
  readonly told: { readonly type: string; readonly tenant: string; readonly data: BootstrapSessionView }[] = [];
  /** What an endpoint is to have; undefined before the start: as its configuration says. */
  prepare: ((request: BootstrapRequest) => Prepared | Promise<Prepared>) | undefined = provisioned;
  readonly #directory = mkdtempSync(join(tmpdir(), 'bootstrap-'));
  readonly #store = openEmbeddedStore({ file: join(this.#directory, 'lwm2m.db') });
  readonly #events = openEmbeddedEvents({ file: join(this.#directory, 'lwm2m.db') });
  readonly #ring = new KeyRing([{ id: 1, bytes: randomBytes(32) }]);
  readonly #secrets = { ring: this.#ring, sealer: new Sealer(this.#ring, randomBytes) };
  readonly #running: RunningBootstrap[] = [];

  async start(env: Record<string, string> = {}, change: (deps: BootstrapDeps) => BootstrapDeps = (deps) => deps): Promise<RunningBootstrap> {
    const ports = { LWM2M_BOOTSTRAP_COAP_PORT: '0', LWM2M_BOOTSTRAP_COAPS_PORT: '0', LWM2M_HTTP_PORT: '0', LWM2M_BIND: '127.0.0.1' };
    const config = loadConfig({ ...ports, ...env }, { kind: 'standalone' });
    const store = this.#store;
    if (this.#running.length === 0) await this.#listen();
    const told = {
      prepare: async (request: BootstrapRequest) => {
        this.asked.push(request);
        return this.prepare!(request);
      },
      finished: async (session: FinishedBootstrap) => void this.finished.push(session),
    };
    const log = createLogger({ service: 'bootstrap', level: 'warn' });
    const security = { files: () => ({ identities: [], trust: new TrustStore() }) };
    const provisioning = openProvisioning(config, { sessions: store, cluster: store, credentials: store, groups: store, secrets: this.#secrets, security, model });
    const desk = this.prepare === undefined ? provisioning.desk : told;
    const running = await runBootstrap(config, change({
      ...provisioning, sessions: store, cluster: store, records: store, desk, publisher: this.#events.publisher(), model, metrics: this.metrics, log,
    }));
    this.#running.push(running);
    return running;
  }

  get store() {
    return this.#store;
  }

  async get<T>(path: string, of = this.#running[0]!): Promise<T> {
    const response = await fetch(`http://127.0.0.1:${of.httpPort}${path}`);
    return (await response.json()) as T;
  }

  async sessionsOf(endpoint: string, of = this.#running[0]!): Promise<BootstrapSessionView[]> {
    return this.get(`/api/v1/endpoints/${encodeURIComponent(endpoint)}/bootstrap/sessions`, of);
  }

  async sessions(query = ''): Promise<BootstrapSessionPage['sessions']> {
    return (await this.get<BootstrapSessionPage>(`/api/v1/bootstrap/sessions${query}`)).sessions;
  }

  /** Leaves the first process alone, and forgets what was asked and told. */
  async reset(): Promise<void> {
    for (const running of this.#running.splice(1)) await running.close();
    for (const list of [this.finished, this.asked, this.told]) list.length = 0;
    this.prepare = provisioned;
  }

  async close(): Promise<void> {
    for (const running of this.#running) await running.close();
    await this.#events.close();
    await this.#store.close();
    rmSync(this.#directory, { recursive: true });
  }

  async #listen(): Promise<void> {
    await this.#events.consumer().tail([topics.bootstrap], {}, async (records) => {
      for (const record of records) {
        const read = readEvent(record);
        if (read.ok) this.told.push({ type: read.event.type, tenant: read.event.tenant, data: read.event.data as BootstrapSessionView });
      }
    });
  }
}
