/**
 * Visits every registered device after templates changed, shard by shard, at a limited rate. What is visited is only told
 * to the device's owner, who reconciles. How far a shard was walked is stored: another worker goes on from there.
 */
import { decodeSession, type ClusterStore, type DeviceNumber, type SessionRecord, type SessionStore } from '@cluster/session';
import type { Logger } from '@cluster/telemetry';
import type { WorkerClock } from '@cluster/coap-kit';
import type { HeldTemplates } from './held-templates.ts';

export interface TemplateWalkDeps {
  readonly sessions: Pick<SessionStore, 'alarmsAfter' | 'load'>;
  readonly cluster: Pick<ClusterStore, 'documents' | 'putDocument'>;
  readonly templates: HeldTemplates;
  readonly clock: Pick<WorkerClock, 'monotonicMs'>;
  readonly log: Logger;
  /** The shards that this worker sweeps. */
  readonly shards: () => readonly number[];
  /** Tells whoever can reach the device that there is something to do. */
  readonly ring: (number: DeviceNumber, record: SessionRecord) => Promise<void>;
}

const TICK_MS = 1_000;
const PAGE = 256;
/** Devices that one worker visits in a tick at most. */
const DEVICES_A_TICK = 2_048;
/** By then every worker holds the new templates: what registers meanwhile need not be visited. */
const SETTLE_MS = 3_000;
const WALKS = 'template-walks';
/** One for each shard, a few bytes each. */
const LIMIT = { documents: 65_536, bytes: 8 * 1_048_576 };

/** How far a shard was walked for a version of the templates; `afterMs` null: to its end. */
interface Progress {
  readonly version: number;
  readonly afterMs: number | null;
}

export class TemplateWalk {
  readonly #deps: TemplateWalkDeps;
  readonly #progress = new Map<number, Progress>();
  #seen = { version: 0, atMs: 0 };
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;

  constructor(deps: TemplateWalkDeps) {
    this.#deps = deps;
  }

  start(): void {
    this.#timer = setInterval(() => void this.tick(), TICK_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#running;
  }

  /** Visits as many devices as one tick may, unless that is under way. Resolves when that is over. */
  tick(): Promise<void> {
    this.#running ??= this.#walk()
      .catch((error: unknown) => this.#deps.log.debug({ err: error }, 'the walk over devices is put off'))
      .finally(() => (this.#running = undefined));
    return this.#running;
  }

  async #walk(): Promise<void> {
    const { templates, clock, shards } = this.#deps;
    const { version } = templates;
    if (version !== this.#seen.version) this.#seen = { version, atMs: clock.monotonicMs() };
    if (version === 0 || clock.monotonicMs() - this.#seen.atMs < SETTLE_MS) return;
    const mine = new Set(shards());
    // A shard that comes back was walked by others meanwhile.
    for (const shard of this.#progress.keys()) if (!mine.has(shard)) this.#progress.delete(shard);
    await this.#recall([...mine].filter((shard) => !this.#progress.has(shard)));
    let left = DEVICES_A_TICK;
    for (const shard of mine) {
      while (left > 0 && this.#isOpen(shard, version)) left -= await this.#page(shard, version);
    }
  }

  #isOpen(shard: number, version: number): boolean {
    const progress = this.#progress.get(shard);
    return progress?.version !== version || progress.afterMs !== null;
  }

  /** How far others walked the shards that are new to this worker. */
  async #recall(shards: readonly number[]): Promise<void> {
    if (shards.length === 0) return;
    const stored = await this.#deps.cluster.documents(WALKS);
    for (const shard of shards) this.#progress.set(shard, readProgress(stored?.documents.get(String(shard))));
  }

  /** Visits one page of a shard; returns how many devices it had, one at the least. */
  async #page(shard: number, version: number): Promise<number> {
    const { sessions, cluster, templates, ring } = this.#deps;
    const before = this.#progress.get(shard);
    const afterMs = (before?.version === version ? before.afterMs : undefined) ?? 0;
    const alarms = await sessions.alarmsAfter(shard, afterMs, PAGE);
    const stored = alarms.length === 0 ? [] : await sessions.load(alarms.map(({ number }) => number));
    const rings = alarms.map(async ({ number }, i) => {
      const record = readable(stored[i]?.record);
      if (record !== undefined && templates.changes(record)) await ring(number, record);
    });
    await Promise.all(rings);
    const progress = { version, afterMs: alarms.length < PAGE ? null : (alarms.at(-1)?.atMs ?? null) };
    this.#progress.set(shard, progress);
    await cluster.putDocument(WALKS, String(shard), JSON.stringify(progress), LIMIT);
    return Math.max(alarms.length, 1);
  }
}

function readProgress(text: string | undefined): Progress {
  return text === undefined ? { version: 0, afterMs: null } : (JSON.parse(text) as Progress);
}

/** What can't be read is left to those who can. */
function readable(bytes: Uint8Array | undefined): SessionRecord | undefined {
  try {
    return bytes === undefined ? undefined : decodeSession(bytes);
  } catch {
    return undefined;
  }
}
