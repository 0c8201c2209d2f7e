/** Topics: made when they are missing, and told where they promise less than the cluster's design asks for. */
import { setTimeout as sleep } from 'node:timers/promises';
import { EventsUnavailable, type Positions } from '@cluster/events';
import kafkajs, { type Admin, type ITopicConfig } from 'kafkajs';
import { createClient, noLogger, type KafkaConnection } from './client.ts';
import { isMissingTopic } from './missing-topic.ts';

const TIMEOUTS = { requestMs: 10_000, idleMs: 30_000 };
const WANTED_REPLICAS = 3;
const WANTED_IN_SYNC = 2;
const BACKOFF_MS = 500;

/** Which topics must be there, and how those are made that are not. */
export interface TopicPlan extends KafkaConnection {
  readonly topics: readonly string[];
  /** 12 unless told. */
  readonly partitions?: number;
  /** 3 unless told or fewer brokers are there. */
  readonly replicationFactor?: number;
  /** false: missing topics are left to others, and told. */
  readonly create?: boolean;
  /** Topic configuration, e.g. `retention.ms`. `min.insync.replicas` is 2 unless told, where there are 3 replicas. */
  readonly config?: Readonly<Record<string, string>>;
}

/** Creates the topics that are missing, if the plan says so; existing ones are left alone. Waits for Kafka as long as `signal` allows. */
export async function ensureTopics(plan: TopicPlan, signal?: AbortSignal): Promise<void> {
  if (plan.create === false) return;
  const logger = plan.logger ?? noLogger;
  for (let level: 'warn' | 'debug' = 'warn'; ; level = 'debug') {
    signal?.throwIfAborted();
    try {
      return await withAdmin(plan, (admin) => createMissing(admin, plan));
    } catch (error) {
      logger[level]({ err: error }, 'topics can not be ensured yet');
    }
    await sleep(BACKOFF_MS, undefined, signal === undefined ? {} : { signal });
  }
}

/** Makes those of the plan's topics that are not there. */
export async function createMissing(admin: Admin, plan: TopicPlan): Promise<void> {
  const existing = new Set(await admin.listTopics());
  const missing = plan.topics.filter((topic) => !existing.has(topic));
  if (missing.length === 0) return;
  const replicas = plan.replicationFactor ?? Math.min(WANTED_REPLICAS, (await admin.describeCluster()).brokers.length);
  const inSync = replicas >= WANTED_REPLICAS ? { 'min.insync.replicas': String(WANTED_IN_SYNC) } : {};
  const configEntries = Object.entries({ ...inSync, ...plan.config }).map(([name, value]) => ({ name, value }));
  const topics = missing.map((topic): ITopicConfig => (
    { topic, numPartitions: plan.partitions ?? 12, replicationFactor: replicas, configEntries }
  ));
  // One request each: somebody else may create one of them at the same time, which is told as a plain false.
  for (const topic of topics) await admin.createTopics({ topics: [topic], waitForLeaders: true });
}

/** Those of the topics that are not there now. */
export function missingTopics<T extends string>(connection: KafkaConnection, topics: readonly T[]): Promise<T[]> {
  return withAdmin(connection, async (admin) => {
    const existing = new Set(await admin.listTopics());
    return topics.filter((topic) => !existing.has(topic));
  });
}

/**
 * Names what is weaker than replication 3 with min.insync.replicas 2, one text for each weakness; empty when what is
 * acknowledged survives the loss of any one broker.
 */
export async function kafkaDurability(plan: KafkaConnection & { readonly topics: readonly string[] }): Promise<string[]> {
  return withAdmin(plan, async (admin) => {
    const { topics } = await admin.fetchTopicMetadata({ topics: [...plan.topics] });
    const inSync = await inSyncMinimums(admin, plan.topics);
    return topics.flatMap(({ name, partitions }) => {
      const replicas = Math.min(...partitions.map((partition) => partition.replicas.length));
      return weaknesses(name, replicas, inSync.get(name) ?? 1);
    });
  });
}

function weaknesses(topic: string, replicas: number, inSync: number): string[] {
  const found: string[] = [];
  if (replicas < WANTED_REPLICAS) found.push(`${topic}: replication factor ${replicas}, below ${WANTED_REPLICAS}`);
  if (inSync < WANTED_IN_SYNC) found.push(`${topic}: min.insync.replicas ${inSync}, below ${WANTED_IN_SYNC}`);
  return found;
}

async function inSyncMinimums(admin: Admin, topics: readonly string[]): Promise<Map<string, number>> {
  const configNames = ['min.insync.replicas'];
  const resources = topics.map((name) => ({ type: kafkajs.ConfigResourceTypes.TOPIC, name, configNames }));
  const { resources: described } = await admin.describeConfigs({ resources, includeSynonyms: false });
  return new Map(described.map(({ resourceName, configEntries }) => [resourceName, Number(configEntries[0]?.configValue)]));
}

/** First and next offset of each partition now. */
export interface PartitionRange {
  readonly partition: number;
  readonly first: bigint;
  readonly end: bigint;
}

/** The ranges of the topics' partitions; throws {@link EventsUnavailable} when Kafka doesn't tell. */
export async function partitionRanges(connection: KafkaConnection, topics: readonly string[]): Promise<Map<string, PartitionRange[]>> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await askRanges(connection, topics);
    } catch (error) {
      if (!isElecting(error) || attempt === ELECTION.tries) throw error;
      await sleep(ELECTION.waitMs);
    }
  }
}

/** A partition has no leader for a moment, when its broker starts or is replaced. */
const ELECTION = { tries: 20, waitMs: 100 };
const LEADERLESS = new Set(['NOT_LEADER_FOR_PARTITION', 'LEADER_NOT_AVAILABLE']);

function isElecting(error: unknown): boolean {
  return error instanceof EventsUnavailable && LEADERLESS.has((error.cause as { type?: string } | undefined)?.type ?? '');
}

function askRanges(connection: KafkaConnection, topics: readonly string[]): Promise<Map<string, PartitionRange[]>> {
  return withAdmin(connection, async (admin) => {
    const ranges = new Map<string, PartitionRange[]>();
    for (const topic of topics) {
      const offsets = await admin.fetchTopicOffsets(topic);
      ranges.set(topic, offsets.map(({ partition, low, high }) => ({ partition, first: BigInt(low), end: BigInt(high) })));
    }
    return ranges;
  });
}

/** The ends of the ranges, as the port tells them. */
export function endPositions(ranges: ReadonlyMap<string, readonly PartitionRange[]>): Positions {
  const entries = [...ranges].map(([topic, partitions]) => (
    [topic, Object.fromEntries(partitions.map(({ partition, end }) => [partition, String(end)]))] as const
  ));
  return Object.fromEntries(entries);
}

/** Throws {@link EventsUnavailable} for whatever goes wrong. */
export async function withAdmin<T>(connection: KafkaConnection, use: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = createClient(connection, TIMEOUTS).admin();
  try {
    await admin.connect();
    return await use(admin);
  } catch (cause) {
    if (isMissingTopic(cause)) throw new EventsUnavailable('a topic is missing', { cause, reason: 'missing' });
    throw new EventsUnavailable('Kafka does not answer', { cause });
  } finally {
    await admin.disconnect().catch(() => {});
  }
}
