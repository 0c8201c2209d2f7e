/** An edge and a registry on brokers of their own, which a test may freeze, kill and bring back. */
import { eventTypes } from '@cluster/contracts';
import { startKafka, startRedis, type KafkaHandle, type RedisHandle } from '@cluster/testing';
import { afterAll, beforeAll, expect, vi } from 'vitest';
import { openEventStream, type EventStream } from '../src/event-stream.ts';
import { brokersOf, Member, type MemberEnvironment } from '../src/member.ts';

export const RECOVERY = { timeout: 60_000, interval: 200 };

export class FaultStage {
  redis!: RedisHandle;
  kafka!: KafkaHandle;
  edge!: Member;
  registry!: Member;
  /** Events as the registry streams them, through every outage. */
  stream!: EventStream;

  async open(env: MemberEnvironment): Promise<void> {
    [this.redis, this.kafka] = await Promise.all([startRedis(), startKafka()]);
    const all = { ...brokersOf(this.redis.urls, this.kafka.brokers), ...env };
    this.edge = await Member.start('edge', all);
    this.registry = await Member.start('registry', all);
    this.stream = await openEventStream(this.registry.httpPort);
  }

  get server(): string {
    return `coap://127.0.0.1:${this.edge.coapPort}`;
  }

  /** Resolves when the edge says that everything it depends on is there. */
  async recovered(): Promise<void> {
    await vi.waitFor(async () => expect((await this.edge.health()).body).toMatchObject({ status: 'ready' }), RECOVERY);
  }

  async close(): Promise<void> {
    this.stream?.close();
    await Promise.all([this.edge?.remove(), this.registry?.remove()]);
    await Promise.all([this.redis?.stop(), this.kafka?.stop()]);
  }
}

const MARGIN_MS = 2_000;

/** Fails unless the registration of a silent device expires, and not before `leastMs` have passed since it began. */
export async function expectExpiryAfter({ stream }: FaultStage, endpoint: string, leastMs: number): Promise<void> {
  const registered = await stream.log.next(endpoint, eventTypes.registered);
  const expired = await stream.log.next(endpoint, eventTypes.expired, undefined, RECOVERY.timeout);
  expect(Date.parse(expired.time) - Date.parse(registered.time)).toBeGreaterThan(leastMs - MARGIN_MS);
}

/** The stage of a test file. */
export function useFaultStage(env: MemberEnvironment = {}): FaultStage {
  const stage = new FaultStage();
  beforeAll(() => stage.open(env));
  afterAll(() => stage.close());
  return stage;
}
