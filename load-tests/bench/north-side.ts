/** The side of the callers: sets observations and submits Reads on the store, and hears results from Kafka. */
import { randomBytes, randomInt, randomUUID } from 'node:crypto';
import { type CommandRequest, topics, type Topic } from '@cluster/contracts';
import type { ConsumedRecord, EventConsumer } from '@cluster/events';
import { connectKafkaConsumer } from '@cluster/events-kafka';
import { KeyRing, Sealer } from '@cluster/secrets';
import { CredentialDesk, EndpointNumbers, Northbound } from '@cluster/session';
import { connectRedisStore, type RedisStore } from '@cluster/store-redis';
import type { Range } from './generator/fleet.ts';
import { endpointOf, RESOURCE_PATH } from './generator/messages.ts';
import { keyOf } from './generator/secure-link.ts';

const LIMITS = { queueEntries: 100, queueBytes: 1_048_576, observations: 100 };
/** Observations that are being set at a time. */
const SETTING = 64;
const PATIENCE_MS = 60_000;

interface ResultValue {
  readonly id: string;
  readonly state: string;
  readonly response?: { readonly code: string };
}

export class NorthSide {
  readonly #store: RedisStore;
  readonly #consumer: EventConsumer;
  readonly #northbound: Northbound;
  readonly #desk: CredentialDesk;
  readonly #waiting = new Map<string, (result: ResultValue) => void>();
  /** Results that came before their submission had returned. */
  readonly #early = new Map<string, ResultValue>();

  /** `secret`: the cluster's master secret, by which keys of devices are sealed. */
  static async connect(brokers: { redisUrl: string; kafkaBrokers: readonly string[] }, secret: Uint8Array = randomBytes(32)): Promise<NorthSide> {
    const store = await connectRedisStore({ urls: [brokers.redisUrl] });
    const consumer = connectKafkaConsumer({ brokers: brokers.kafkaBrokers, clientId: 'bench-north' });
    const north = new NorthSide(store, consumer, secret);
    await consumer.tail([topics.commandResults], {}, async (records) => north.#heard(records));
    return north;
  }

  private constructor(store: RedisStore, consumer: EventConsumer, secret: Uint8Array) {
    this.#store = store;
    this.#consumer = consumer;
    const rng = { uint32: () => randomInt(2 ** 32) };
    this.#northbound = new Northbound({ sessions: store, cluster: store, limits: LIMITS, newId: randomUUID, rng });
    const ring = new KeyRing([{ id: 0, bytes: secret }]);
    const devices = new EndpointNumbers({ sessions: store, cluster: store, rng });
    const policy = { shortPsks: false, sharedPsks: false };
    this.#desk = new CredentialDesk({ store, cluster: store, devices, ring, sealer: new Sealer(ring, randomBytes), policy, timeMs: () => store.timeMs() });
  }

  /** Wants the resource of each of these devices observed. */
  async observe({ from, to }: Range): Promise<void> {
    await this.#each({ from, to }, to - from, SETTING, async (endpoint) => {
      const { outcome } = await this.#northbound.setObservations(endpoint, [{ path: RESOURCE_PATH }]);
      if (outcome !== 'set') throw new Error(`observations of ${endpoint}: ${outcome}`);
    });
  }

  /** Gives each of these devices its key, by its endpoint as identity. */
  async setKeys({ from, to }: Range): Promise<void> {
    await this.#each({ from, to }, to - from, SETTING, async (endpoint) => {
      const { outcome } = await this.#desk.set(endpoint, { psk: { identity: endpoint, keyHex: keyOf(endpoint).toString('hex') } });
      if (outcome !== 'set') throw new Error(`key of ${endpoint}: ${outcome}`);
    });
  }

  /** The numbers of devices that have keys. */
  async numbers({ from, to }: Range): Promise<string[]> {
    const endpoints = Array.from({ length: to - from }, (_, i) => endpointOf(from + i));
    return (await this.#store.resolve(endpoints)).map((number) => number ?? '');
  }

  /** Submits Reads, so many waiting for their result event at a time. Rejects if one does not end with 2.05. */
  async read(range: Range, reads: number, window: number): Promise<void> {
    await this.#each(range, reads, window, (endpoint) => this.#carriedOut(endpoint, { op: 'read', path: RESOURCE_PATH }, '2.05'));
  }

  /** Pushes a package to each of these devices, to all at a time. Rejects if one does not end with 2.04. */
  async push({ from, to }: Range, id: string): Promise<void> {
    await this.#each({ from, to }, to - from, to - from, (endpoint) => this.#carriedOut(endpoint, { op: 'write', path: '/5/0/0', package: id, contentFormat: 42 }, '2.04'));
  }

  /** The next record of a topic. */
  async sample(topic: Topic): Promise<{ record: Promise<ConsumedRecord>; close(): Promise<void> }> {
    const { promise, resolve } = Promise.withResolvers<ConsumedRecord>();
    const subscription = await this.#consumer.tail([topic], {}, async ([first]) => {
      if (first !== undefined) resolve(first);
    });
    return { record: promise, close: () => subscription.close() };
  }

  async close(): Promise<void> {
    await this.#consumer.close();
    await this.#store.close();
  }

  async #each({ from, to }: Range, count: number, width: number, work: (endpoint: string) => Promise<void>): Promise<void> {
    let next = 0;
    const worker = async (): Promise<void> => {
      while (next < count) await work(endpointOf(from + (next++ % (to - from))));
    };
    await Promise.all(Array.from({ length: width }, worker));
  }

  async #carriedOut(endpoint: string, command: CommandRequest, code: string): Promise<void> {
    const submitted = await this.#northbound.submit(endpoint, command);
    if (submitted.outcome !== 'accepted') throw new Error(`${command.op} of ${endpoint}: ${submitted.outcome}`);
    const result = await this.#resultOf(submitted.status.id);
    if (result.state !== 'done' || result.response?.code !== code) throw new Error(`${command.op} ended as ${JSON.stringify(result)}`);
  }

  async #resultOf(id: string): Promise<ResultValue> {
    const early = this.#early.get(id);
    if (early !== undefined) {
      this.#early.delete(id);
      return early;
    }
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no result of command ${id} after ${PATIENCE_MS} ms`)), PATIENCE_MS);
      this.#waiting.set(id, (result) => {
        clearTimeout(timer);
        this.#waiting.delete(id);
        resolve(result);
      });
    });
  }

  async #heard(records: readonly ConsumedRecord[]): Promise<void> {
    for (const { value } of records) {
      const result = JSON.parse(Buffer.from(value).toString('utf8')) as ResultValue;
      const waiting = this.#waiting.get(result.id);
      if (waiting === undefined) this.#early.set(result.id, result);
      else waiting(result);
    }
  }
}
