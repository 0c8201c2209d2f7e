/** A fleet of devices on the embedded store, which answer what is queued for them when a test says so. */
import { randomInt, randomUUID } from 'node:crypto';
import { type CommandResponse, type CommandState, eventTypes, type JobRequest, jobRequest, type JobView, topics } from '@cluster/contracts';
import { buildEvent, type ConsumedRecord, type EventRecord } from '@cluster/events';
import { countsOf, decodeJob, encodeJob, jobView, newJob, Selection, type JobStore } from '@cluster/fleet';
import {
  decodeEntry, decodeSession, encodeEntry, encodeSession, entryStatus, fallAsleep, finish, isFinished, Northbound, register, type QueueEntry, type SessionRecord,
} from '@cluster/session';
import { openEmbeddedStore } from '@cluster/store-embedded';
import type { z } from 'zod';
import { JobEvents } from '../jobs/job-events.ts';
import { JobResults } from '../jobs/job-results.ts';
import { JobTurn, type JobTurnDeps } from '../jobs/job-turn.ts';

const LIMITS = { queueEntries: 10, queueBytes: 100_000, observations: 10 };

/** What the device makes of a command; undefined: nothing yet. */
export type Behaviour = (endpoint: string, entry: QueueEntry) => { state: CommandState; code?: string } | undefined;

export class Fleet {
  readonly store = openEmbeddedStore({ file: ':memory:' });
  readonly northbound = new Northbound({
    sessions: this.store, cluster: this.store, limits: LIMITS, newId: randomUUID, rng: { uint32: () => randomInt(2 ** 32) },
  });
  readonly selection = new Selection(this.store, this.northbound);
  readonly published: EventRecord[] = [];
  readonly results = new JobResults(this.store, async () => this.nowMs);
  nowMs = Date.now();
  readonly #numbers = new Map<string, string>();

  /** Deps of a replica; a test may spoil some of them. */
  deps(change: Partial<JobTurnDeps> = {}): JobTurnDeps {
    const publisher = { publish: async (records: readonly EventRecord[]) => void this.published.push(...records) };
    return {
      jobs: this.store, northbound: this.northbound, selection: this.selection, events: new JobEvents(publisher, 'json'),
      timeMs: async () => this.nowMs, ...change,
    };
  }

  /** As at Register, and as the directory learns it. */
  async register(endpoint: string, labels: Record<string, string> = {}, objects: readonly string[] = ['/3/0']): Promise<void> {
    const kept = Object.keys(labels).length > 0;
    const number = String(this.#numbers.size).padStart(8, 'A');
    this.#numbers.set(endpoint, number);
    await this.store.claim([{ endpoint, proposal: number }]);
    const registration = {
      endpoint, lifetimeS: 0, lwm2mVersion: '1.1' as const, binding: 'U', queueMode: false, attributes: {}, rootPath: '/',
      objectLinks: objects.map((path) => ({ path })), contentFormats: [],
    };
    const record = register(undefined, registration, {
      worker: 'w1', nowMs: this.nowMs, peer: `udp:${endpoint}`, identity: 'nosec', messageId: 1, maxTransmitWaitMs: 93_000, sequence: 1,
      locationId: `${number}BBBBBBBB`, code: 0x41,
    });
    await this.store.commit([{ number, session: { expected: 0, record: encodeSession(record) } }]);
    if (kept) await this.northbound.setProfile(endpoint, { labels });
    await this.store.putEntries([{ endpoint, state: 'registered', changedAtMs: 1, labelled: { labels, atMs: 1 } }]);
  }

  /** One after the other sleeps, is disabled, or has ended its registration. */
  async putAway(endpoints: readonly string[]): Promise<void> {
    const ways: readonly ((record: SessionRecord) => SessionRecord)[] = [
      (record) => fallAsleep(record, { sinceMs: this.nowMs, sequence: 2 }),
      (record) => ({ ...record, disabled: { sinceMs: this.nowMs, untilMs: this.nowMs + 3_600_000, overdue: false } }),
      (record) => ({ ...record, state: 'removed', kept: true }),
    ];
    for (const [i, endpoint] of endpoints.entries()) await this.#change(endpoint, ways[i % ways.length] ?? ((record) => record));
  }

  /** They listen again. */
  async bringBack(endpoints: readonly string[]): Promise<void> {
    const back = ({ asleepSinceMs: _, disabled: __, ...record }: SessionRecord): SessionRecord => ({ ...record, state: 'registered' });
    for (const endpoint of endpoints) await this.#change(endpoint, back);
  }

  async #change(endpoint: string, change: (record: SessionRecord) => SessionRecord): Promise<void> {
    const number = this.#numbers.get(endpoint) ?? '';
    const [stored] = await this.store.load([number]);
    if (stored === undefined) throw new Error(`${endpoint} is not registered`);
    await this.store.commit([{ number, session: { expected: stored.version, record: encodeSession(change(decodeSession(stored.record))) } }]);
  }

  /** The worker that the devices registered with is there. */
  async serve(): Promise<void> {
    await this.store.renewLease('w1', 86_400_000);
  }

  async start(request: z.input<typeof jobRequest>, id = 'job'): Promise<string> {
    const parsed: JobRequest = jobRequest.parse(request);
    if ('group' in parsed.target) throw new Error('give the selector itself');
    await this.store.createJob(id, this.nowMs, encodeJob(newJob(parsed, { selector: parsed.target }, this.nowMs)));
    return id;
  }

  async view(id = 'job', jobs: JobStore = this.store): Promise<JobView> {
    const stored = await jobs.loadJob(id);
    if (stored === undefined) throw new Error(`no job ${id}`);
    return jobView(id, decodeJob(stored.record), countsOf(await jobs.countDevices(id)));
  }

  /** Steps until there is nothing to do; each step is a second later than the one before. */
  async advance(turn: JobTurn): Promise<void> {
    for (let idle = 0; idle < 2; ) {
      this.nowMs += 1_000;
      const progress = await turn.step();
      if (progress === 'over') return;
      idle = progress === 'idle' ? idle + 1 : 0;
    }
  }

  /** Every device ends what is queued for it; returns the result events, which are not told yet. */
  async answer(behaviour: Behaviour): Promise<ConsumedRecord[]> {
    const told: ConsumedRecord[] = [];
    for (const [endpoint, number] of this.#numbers) {
      for (const { id, version, record } of await this.store.loadEntries(number)) {
        const entry = decodeEntry(record);
        const end = isFinished(entry) ? undefined : behaviour(endpoint, entry);
        if (end === undefined) continue;
        const response: CommandResponse | undefined = end.code === undefined ? undefined : { code: end.code };
        const over = finish(entry, { state: end.state, atMs: this.nowMs, ...(response === undefined ? {} : { response }) });
        await this.store.commit([{ number, entries: [{ id, expected: version, record: encodeEntry({ ...over, unpublished: false }) }] }]);
        told.push(resultRecord(endpoint, over, this.nowMs));
      }
    }
    return told;
  }

  /** The commands that each device ever got, by endpoint. */
  async queued(): Promise<Map<string, string[]>> {
    const all = new Map<string, string[]>();
    for (const [endpoint, number] of this.#numbers) {
      all.set(endpoint, (await this.store.loadEntries(number)).map(({ record }) => decodeEntry(record).command.path ?? ''));
    }
    return all;
  }

  /** States that were told on lwm2m.jobs. */
  told(): string[] {
    return this.published.map(({ value }) => (JSON.parse(Buffer.from(value).toString()) as JobView).state);
  }

  close(): Promise<void> {
    return this.store.close();
  }
}

let offset = 0;

function resultRecord(endpoint: string, entry: QueueEntry, timeMs: number): ConsumedRecord {
  const record = buildEvent({
    topic: topics.commandResults, type: eventTypes.commandResult, id: `${endpoint}.${entry.id}`, source: '/lwm2m/edge', endpoint, tenant: 'default',
    timeMs, generation: 1, fence: 1, sessionVersion: 1, data: { ...entryStatus(entry), endpoint },
  });
  return { ...record, partition: 0, offset: String(offset++) };
}
