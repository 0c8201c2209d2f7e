/**
 * A queue-mode device sleeps while commands of every kind are queued for it. When it wakes, its worker is killed between
 * two of its steps, and another one goes on. A walk does that between any two.
 */
import type { CommandRequest } from '@cluster/contracts';
import { isRepeatable } from '@cluster/lwm2m';
import { Northbound } from '@cluster/session';
import { EventLog } from './broker.ts';
import { faultsOf } from './checks.ts';
import { Device } from './device.ts';
import { MemoryStore } from './memory-store.ts';
import { Network } from './network.ts';
import type { Submitted } from './operator.ts';
import { QueueRecord } from './queue-record.ts';
import { Random, sleep } from './random.ts';
import { StoreLink } from './store-link.ts';
import { WireRecord } from './wire-record.ts';
import { SimulatedWorker } from './worker.ts';

/** Where the worker is killed, and when the next one starts. */
export interface Kill {
  /** The moments that the worker passes before; more than there are: it lives. */
  readonly afterMoments: number;
  readonly restartMs: number;
}

const MAX_TRANSMIT_WAIT_S = 30;
/** The device wakes at least this often. */
const REST_MS = 50_000;
/** Whatever had to wait for a repeat has had it by then. */
const LONG_MS = 300_000;
/** Over when the device wakes. */
const DEADLINE_S = 1;

const tag = (number: number) => `tag-${number}`;
const value = (number: number) => ({ path: '/3303/0/5750', value: tag(number) });

/** What is queued, in this order: each as REST or Kafka would bring it. */
const COMMANDS: readonly CommandRequest[] = [
  { op: 'read', path: '/3303/0/5700' },
  { op: 'execute', path: '/3303/0/5605', arguments: `0='${tag(1)}'` },
  { op: 'write', path: '/3303/0/5750', value: tag(2), priority: 9 },
  { op: 'write-partial', path: '/3303/0', values: [value(3)] },
  { op: 'create', path: '/3303', values: [{ path: '/3303/7/5750', value: tag(4) }], priority: 2 },
  { op: 'delete', path: '/3303/8', priority: 7 },
  { op: 'write-composite', values: [value(6)] },
  { op: 'read-composite', paths: ['/3303/0/5700', '/3303/1/5700'], priority: 9 },
  { op: 'write', path: '/5/0/1', value: `coap://example.org/${tag(8)}` },
  { op: 'discover', path: '/3303', priority: 0 },
  { op: 'execute', path: '/3303/0/5605', arguments: `0='${tag(10)}'`, priority: 9 },
  { op: 'observe', path: '/3303/0/5601', priority: 8 },
  { op: 'write', path: '/3303/0/5750', value: tag(12), supersede: 'newest' },
  { op: 'write', path: '/3303/0/5750', value: tag(13), supersede: 'newest', priority: 1 },
  { op: 'write-partial', path: '/3303/0', values: [value(14)], repeatable: true },
  { op: 'create', path: '/3303', values: [{ path: '/3303/7/5750', value: tag(15) }] },
  { op: 'write-attributes', path: '/3303/0/5700', attributes: { pmax: 60 } },
  { op: 'execute', path: '/3303/0/5605', arguments: `0='${tag(17)}'`, ttlS: DEADLINE_S },
  { op: 'read', path: '/3303/1/5700', priority: 3 },
  { op: 'execute', path: '/3303/0/5605', arguments: `0='${tag(19)}'` },
];
const SUPERSEDED = 12;
const TOO_LATE = 17;
const CANCELLED = 18;

export class KillWalk {
  /** The moments that the first worker has passed since the commands were queued. */
  moments: string[] = [];
  readonly #kill: Kill;
  readonly #random = new Random(7);
  readonly #store = new MemoryStore();
  readonly #log = new EventLog();
  readonly #wire = new WireRecord();
  readonly #queue = new QueueRecord();
  readonly #network = new Network({ loss: 0, duplication: 0, maxDelayMs: 5 }, this.#random, this.#wire);
  readonly #workers: SimulatedWorker[] = [];
  #submitted: readonly Submitted[] = [];
  #walking = false;

  constructor(kill: Kill) {
    this.#kill = kill;
    this.#store.onWrite((write, entries) => this.#queue.written(write, entries));
  }

  /** Plays to the end; returns what was not as promised. */
  async play(): Promise<string[]> {
    this.#startWorker();
    const habits = {
      queueMode: true, lifetimeS: 100, dropsUnacknowledged: false, answersSeparately: false, reportsEveryS: 1_000_000,
      listensMs: MAX_TRANSMIT_WAIT_S * 1_000,
    };
    const device = new Device('sleeper', 0, habits, this.#network, this.#random);
    device.quiet = true;
    device.boot();
    while (device.location === undefined) await sleep(100);
    const submitted = await this.#submitAll(device);
    this.#submitted = submitted;
    this.#walking = true;
    for (let waitedMs = 0; waitedMs < LONG_MS && !this.#allTold; waitedMs += REST_MS) await sleep(REST_MS);
    // Whatever would come a second time has come by then.
    await sleep(2 * REST_MS);
    const evidence = { events: this.#log.events, devices: [device], submitted, queue: this.#queue, wire: this.#wire };
    const faults = [...faultsOf(evidence), ...this.#endsOtherwise(submitted), ...outOfOrder(submitted, device, this.#queue)];
    device.halt();
    for (const worker of this.#workers) worker.kill();
    return faults;
  }

  get #allTold(): boolean {
    return this.#submitted.every(({ id }) => this.#queue.ends.get(id)?.unpublished === false);
  }

  #startWorker(): void {
    const shared = {
      store: this.#store, log: this.#log, network: this.#network, random: this.#random,
      storeWeather: { away: false, maxLatencyMs: 2, failure: 0, lostRings: 0 },
      brokerWeather: { away: false, maxLatencyMs: 2, overdue: 0, full: 0 },
      settings: { LWM2M_MAX_TRANSMIT_WAIT_S: String(MAX_TRANSMIT_WAIT_S), LWM2M_EXPIRY_GRACE_S: '20', LWM2M_CACHE_SESSIONS: '1' },
    };
    const first = this.#workers.length === 0;
    const worker = new SimulatedWorker(`w${this.#workers.length + 1}`, shared, (moment) => first && this.#passing(moment));
    this.#workers.push(worker);
  }

  #passing(moment: string): void {
    if (!this.#walking || this.#allTold) return;
    if (this.moments.length === this.#kill.afterMoments) {
      this.#walking = false;
      this.#workers[0]?.kill();
      void sleep(this.#kill.restartMs).then(() => this.#startWorker());
      return;
    }
    this.moments.push(moment);
  }

  /** Half of them as Kafka's: with an origin. One is cancelled again before the device wakes. */
  async #submitAll(device: Device): Promise<Submitted[]> {
    const link = new StoreLink(this.#store, { away: false, maxLatencyMs: 1, failure: 0, lostRings: 0 }, this.#random);
    const northbound = new Northbound({
      sessions: link.store, cluster: link.store, newId: this.#random.id, rng: this.#random,
      limits: { queueEntries: 100, queueBytes: 1_000_000, observations: 50 },
    });
    while (device.awake) await sleep(10);
    const submitted: Submitted[] = [];
    for (const [number, command] of COMMANDS.entries()) {
      const keyed = { ...command, idempotencyKey: `key-${number}` };
      const origin = number % 2 === 0 ? undefined : { source: '/erp', id: String(number) };
      const submission = await northbound.submit(device.endpoint, keyed, origin);
      if (submission.outcome !== 'accepted') throw new Error(JSON.stringify(submission));
      const traced = JSON.stringify(command).includes(tag(number)) ? tag(number) : undefined;
      submitted.push({ id: submission.status.id, endpoint: device.endpoint, command: keyed, tag: traced, accepted: true, cancelled: number === CANCELLED });
    }
    await northbound.cancel(device.endpoint, submitted[CANCELLED]?.id ?? '');
    return submitted;
  }

  /** Each command ends as its semantics say; only what was on its way when the worker died may end without an answer. */
  #endsOtherwise(submitted: readonly Submitted[]): string[] {
    let unknown = 0;
    return submitted.flatMap(({ id, command }, number) => {
      const state = this.#queue.ends.get(id)?.state;
      const expected = number === TOO_LATE ? 'expired' : number === SUPERSEDED || number === CANCELLED ? 'cancelled' : 'done';
      if (state === 'outcome-unknown' && !isRepeatable(command) && unknown++ === 0) return [];
      return state === expected ? [] : [`${command.op} ${number} ended as ${state ?? 'open'}, not as ${expected}`];
    });
  }
}

/** What was carried out, was so in the order of priority and age; what had to be repeated was so later. */
function outOfOrder(submitted: readonly Submitted[], device: Device, queue: QueueRecord): string[] {
  const byTurn = submitted
    .filter(({ id, tag: traced }) => traced !== undefined && queue.ends.get(id)?.attempts === 1)
    .toSorted((a, b) => (b.command.priority ?? 5) - (a.command.priority ?? 5))
    .flatMap(({ tag: traced }) => traced ?? []);
  const once = new Set(device.model.carriedOut);
  const due = byTurn.filter((traced) => once.has(traced));
  const done = [...once].filter((traced) => due.includes(traced));
  return String(done) === String(due) ? [] : [`carried out in the order ${String(done)}, not ${String(due)}`];
}
