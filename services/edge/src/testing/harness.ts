/** A worker on embedded storage in a temporary directory, and what a test asks of it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomInt, randomUUID } from 'node:crypto';
import { loadConfig } from '@cluster/config';
import { topics, type CommandRequest, type CommandStatus, type Topic } from '@cluster/contracts';
import { readEvent, type EventPublisher } from '@cluster/events';
import { openEmbeddedEvents } from '@cluster/events-embedded';
import { ObjectModel } from '@cluster/lwm2m';
import { ddfDirectory } from '@cluster/lwm2m/ddf-directory';
import { type ClusterStore, Northbound, type SessionStore } from '@cluster/session';
import { openEmbeddedStore, type EmbeddedStore } from '@cluster/store-embedded';
import { createLogger, Metrics } from '@cluster/telemetry';
import type { EdgeDeps } from '../assemble.ts';
import { startEdge, type Edge } from '../edge.ts';

export interface SeenEvent {
  readonly type: string;
  readonly id: string;
  readonly endpoint: string;
  readonly data: Record<string, unknown>;
}

export interface Harness {
  readonly directory: string;
  /** All of the embedded store. */
  readonly store: EmbeddedStore;
  readonly sessions: SessionStore;
  readonly cluster: ClusterStore;
  readonly northbound: Northbound;
  readonly events: SeenEvent[];
  start(env?: Record<string, string>, change?: (deps: EdgeDeps) => EdgeDeps): Promise<Edge>;
  /** The first event that fits, also one that is still to come. */
  event(fits: (event: SeenEvent) => boolean): Promise<SeenEvent>;
  /** Submits a command and waits for its end. */
  command(endpoint: string, command: CommandRequest): Promise<CommandStatus>;
  close(): Promise<void>;
}

const model = new ObjectModel(ddfDirectory());
const rng = { uint32: () => randomInt(2 ** 32) };

export async function openHarness(): Promise<Harness> {
  const directory = mkdtempSync(join(tmpdir(), 'edge-'));
  const file = join(directory, 'lwm2m.db');
  const store = openEmbeddedStore({ file });
  const embedded = openEmbeddedEvents({ file });
  const publisher: EventPublisher = embedded.publisher();
  const limits = { queueEntries: 100, queueBytes: 1_000_000, observations: 50 };
  const northbound = new Northbound({ sessions: store, cluster: store, limits, newId: randomUUID, rng });
  const events: SeenEvent[] = [];
  const waiting = new Set<() => void>();
  const all: readonly Topic[] = [topics.registrations, topics.notifications, topics.sends, topics.commandResults];
  await embedded.consumer().tail(all, {}, async (records) => {
    for (const record of records) {
      const read = readEvent(record);
      if (!read.ok) throw new Error(JSON.stringify(read.fault));
      const { type, id, data } = read.event;
      events.push({ type, id, endpoint: record.key, data: data as Record<string, unknown> });
    }
    for (const look of waiting) look();
  });
  const edges: Edge[] = [];
  const event = (fits: (event: SeenEvent) => boolean) =>
    new Promise<SeenEvent>((resolve) => {
      const look = () => {
        const found = events.find(fits);
        if (found === undefined) return;
        waiting.delete(look);
        resolve(found);
      };
      waiting.add(look);
      look();
    });
  return {
    directory, store, sessions: store, cluster: store, northbound, events, event,
    async start(env = {}, change = (deps) => deps) {
      const config = loadConfig({ LWM2M_COAP_PORT: '0', LWM2M_COAPS_PORT: '0', LWM2M_BIND: '127.0.0.1', ...env }, { kind: 'standalone' });
      const always = { available: true, onAvailability: () => () => undefined };
      const log = createLogger({ service: 'edge', level: 'warn' });
      const deps = { sessions: store, cluster: store, store: always, publisher, model, metrics: new Metrics(), log };
      const edge = await startEdge(config, change(deps));
      edges.push(edge);
      return edge;
    },
    async command(endpoint, command) {
      const submitted = await northbound.submit(endpoint, command);
      if (submitted.outcome !== 'accepted') throw new Error(JSON.stringify(submitted));
      const { data } = await event((e) => e.type === 'lwm2m.command.result' && e.data['id'] === submitted.status.id);
      return data as unknown as CommandStatus;
    },
    async close() {
      for (const edge of edges) await edge.close();
      await embedded.close();
      await store.close();
      rmSync(directory, { recursive: true });
    },
  };
}
