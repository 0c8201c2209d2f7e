/** The first part: CPU time of the edge for each kind of message, in rounds, next to the floors of the same round. */
import { setTimeout as sleep } from 'node:timers/promises';
import { topics, type Topic } from '@cluster/contracts';
import { startChild, type Child } from './child.ts';
import type { EdgeProcess } from './edge-process.ts';
import type { Echo } from './floors/echo.ts';
import type { Producer, SampleRecord } from './floors/producer.ts';
import type { MessageKind } from './generator/device.ts';
import type { Range } from './generator/fleet.ts';
import type { Generator } from './generator/main.ts';
import type { NorthSide } from './north-side.ts';

export interface MessagesPlan {
  /** Rounds before those that count. */
  readonly warmup: number;
  readonly rounds: number;
  /** Devices of each round; all of them register in it. */
  readonly devices: number;
  /** Updates, notifications and Sends of each round. */
  readonly messages: number;
  readonly reads: number;
  readonly window: number;
  /** Whether devices speak over DTLS. */
  readonly secured: boolean;
  /** The kinds that are measured; devices register in any case. All unless given. */
  readonly only: readonly string[] | undefined;
}

/** What was measured of one kind of message in one round. */
export interface Sample {
  readonly cpuUs: number;
  readonly perSecond: number;
}

export type RowName = 'handshake' | 'register' | 'update' | 'notification' | 'non' | 'send' | 'read' | 'echo' | 'producer';
export type Samples = Readonly<Record<RowName, Sample[]>>;

export interface Scene {
  readonly edge: EdgeProcess;
  readonly generator: Child<Generator>;
  readonly north: NorthSide;
  readonly kafkaBrokers: readonly string[];
}

const IDLE_MS = 3_000;
const OBSERVED_MS = 60_000;
const NOTIFICATIONS = 'lwm2m_uplink_accepted_total{operation="notification"}';
/** Where no confirmable notifications were measured before. */
const NON_PER_S = 10_000;
/** Records in one request of the plain producer: what a busy worker gathers while one request is under way. */
const PRODUCER_BATCH = 100;
/** The echo's devices; their numbers lie beyond those of the server's. */
const ECHO_FROM = 2_000_000;
const ECHO_DEVICES = 512;

/** Measured with devices that are observed; a record of theirs is the floor's. */
const OBSERVED: readonly RowName[] = ['update', 'notification', 'non', 'send'];

/** Around each phase of a round; the profiler hooks in here. */
export type Around = (name: RowName, phase: () => Promise<void>) => Promise<void>;

export class MessagesPart {
  readonly #scene: Scene;
  readonly #plan: MessagesPlan;
  readonly #samples: Record<RowName, Sample[]> = { handshake: [], register: [], update: [], notification: [], non: [], send: [], read: [], echo: [], producer: [] };
  readonly #echo = startChild<Echo>(new URL('floors/echo.ts', import.meta.url).pathname);
  readonly #producer = startChild<Producer>(new URL('floors/producer.ts', import.meta.url).pathname);
  #idleUsPerMs = 0;
  #sample: SampleRecord | undefined;

  constructor(scene: Scene, plan: MessagesPlan) {
    this.#scene = scene;
    this.#plan = plan;
  }

  /** Rounds to warm up, then those that count. */
  async run(around: Around = (_, phase) => phase()): Promise<Samples> {
    try {
      await this.#openEcho();
      this.#idleUsPerMs = await this.#idle();
      const { warmup, rounds } = this.#plan;
      for (let round = 0; round < warmup + rounds; round++) {
        await this.#round(round, around);
        if (round === warmup - 1) for (const samples of Object.values(this.#samples)) samples.length = 0;
      }
      return this.#samples;
    } finally {
      await Promise.all([this.#echo.stop(), this.#producer.stop()]);
    }
  }

  async #round(round: number, around: Around): Promise<void> {
    const { generator, edge, north } = this.#scene;
    const { devices, messages, reads, window } = this.#plan;
    const range = { from: round * devices, to: (round + 1) * devices };
    if (this.#plan.secured) {
      await north.setKeys(range);
      await around('handshake', () => this.#measure('handshake', devices, () => generator.call('open', { ...range, port: edge.coapsPort, secured: true })));
    } else await generator.call('open', { ...range, port: edge.coapPort });
    await around('register', () => this.#uplink('register', range, devices));
    if (OBSERVED.some((name) => this.#measures(name))) await this.#observe(range);
    if (this.#measures('update')) await around('update', () => this.#uplink('update', range, messages));
    if (this.#measures('notification')) await around('notification', () => this.#uplink('notification', range, messages));
    if (this.#measures('non')) await around('non', () => this.#unanswered(range));
    if (this.#measures('send')) await around('send', () => this.#uplink('send', range, messages));
    if (this.#measures('read')) {
      await around('read', () => this.#measure('read', reads, () => north.read(range, reads, window)));
      const answered = await generator.call('reads', null);
      if (answered < reads) throw new Error(`${reads} reads, but the devices answered ${answered}`);
    }
    await generator.call('close', range);
    await this.#echoFloor();
    if (this.#sample !== undefined) await this.#producerFloor(this.#sample);
  }

  async #observe(range: Range): Promise<void> {
    const { generator, edge, north } = this.#scene;
    await north.observe(range);
    await generator.call('observed', { ...range, timeoutMs: OBSERVED_MS });
    await edge.rest();
    this.#sample ??= await this.#sampled(topics.notifications, range);
  }

  async #uplink(kind: Exclude<MessageKind, 'echo'>, range: Range, messages: number): Promise<void> {
    await this.#measure(kind, messages, async () => {
      await this.#scene.generator.call('run', { kind, ...range, messages, window: this.#plan.window });
    });
  }

  #measures(name: RowName): boolean {
    return this.#plan.only?.includes(name) ?? true;
  }

  /** NON notifications get no answer: they come as fast as the confirmable ones of the same round were taken, and have to be told all. */
  async #unanswered(range: Range): Promise<void> {
    const { generator, edge } = this.#scene;
    const { messages } = this.#plan;
    const perSecond = this.#samples.notification.at(-1)?.perSecond ?? NON_PER_S;
    const before = await edge.metric(NOTIFICATIONS);
    await this.#measure('non', messages, () => generator.call('flood', { ...range, messages, perSecond }));
    const told = (await edge.metric(NOTIFICATIONS)) - before;
    if (told !== messages) throw new Error(`${messages} NON notifications, but ${told} were told`);
  }

  /** CPU time of the edge over a phase and all it caused, less what the edge takes while nothing comes. */
  async #measure(name: RowName, messages: number, phase: () => Promise<unknown>): Promise<void> {
    const { edge } = this.#scene;
    const beforeUs = await edge.cpuUs();
    const startMs = performance.now();
    await phase();
    const elapsedMs = performance.now() - startMs;
    await edge.rest();
    const cpuUs = (await edge.cpuUs()) - beforeUs - this.#idleUsPerMs * (performance.now() - startMs);
    this.#keep(name, messages, cpuUs, elapsedMs);
  }

  #keep(name: RowName, messages: number, cpuUs: number, elapsedMs: number): void {
    this.#samples[name].push({ cpuUs: cpuUs / messages, perSecond: messages / (elapsedMs / 1_000) });
  }

  async #idle(): Promise<number> {
    const beforeUs = await this.#scene.edge.cpuUs();
    await sleep(IDLE_MS);
    return ((await this.#scene.edge.cpuUs()) - beforeUs) / IDLE_MS;
  }

  /** A record of the edge's own, caused by a few notifications. */
  async #sampled(topic: Topic, range: Range): Promise<SampleRecord> {
    const { north, generator } = this.#scene;
    const { record, close } = await north.sample(topic);
    await generator.call('run', { kind: 'notification', ...range, messages: this.#plan.window, window: this.#plan.window });
    const { key, headers, value } = await record;
    await close();
    return { key, headers, valueBase64: Buffer.from(value).toString('base64') };
  }

  async #openEcho(): Promise<void> {
    const port = await this.#echo.call('listen', null);
    await this.#scene.generator.call('open', { from: ECHO_FROM, to: ECHO_FROM + ECHO_DEVICES, port });
  }

  async #echoFloor(): Promise<void> {
    const { messages, window } = this.#plan;
    const beforeUs = await this.#echo.call('cpuUs', null);
    const range = { from: ECHO_FROM, to: ECHO_FROM + ECHO_DEVICES };
    const { elapsedMs } = await this.#scene.generator.call('run', { kind: 'echo', ...range, messages, window });
    this.#keep('echo', messages, (await this.#echo.call('cpuUs', null)) - beforeUs, elapsedMs);
  }

  async #producerFloor(sample: SampleRecord): Promise<void> {
    const records = this.#plan.messages;
    const load = { brokers: this.#scene.kafkaBrokers, sample, records, batch: PRODUCER_BATCH };
    const { cpuUs, elapsedMs } = await this.#producer.call('produce', load);
    this.#keep('producer', records, cpuUs, elapsedMs);
  }
}
