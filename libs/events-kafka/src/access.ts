/** From a process's settings to what it needs of Kafka: how to reach it, and which topics have to be there. */
import type { TopicPlan } from './admin.ts';
import type { EventsLogger, KafkaConnection } from './client.ts';
import type { KafkaSecurity } from './security.ts';
import { TopicKeeper } from './topic-keeper.ts';

/** The settings of a process that are about Kafka, by their names there. */
export interface KafkaSettings {
  readonly kafkaBrokers: readonly string[];
  /** Whether missing topics are made. */
  readonly kafkaCreateTopics: boolean;
  readonly kafkaPartitions: number;
  /** 0: 3, or as many as there are brokers. */
  readonly kafkaReplicationFactor: number;
}

export interface KafkaAccess {
  /** For publishers and consumers; what they find missing is made again. */
  readonly connection: KafkaConnection;
  readonly plan: TopicPlan;
}

/** `topics`: all that the process needs. */
export function kafkaAccess(
  settings: KafkaSettings, security: KafkaSecurity, clientId: string, topics: readonly string[], logger: EventsLogger,
): KafkaAccess {
  const connection = { brokers: settings.kafkaBrokers, security, clientId, logger };
  const plan: TopicPlan = {
    ...connection, topics, create: settings.kafkaCreateTopics, partitions: settings.kafkaPartitions,
    ...(settings.kafkaReplicationFactor === 0 ? {} : { replicationFactor: settings.kafkaReplicationFactor }),
  };
  return { connection: { ...connection, topicMaker: new TopicKeeper(plan) }, plan };
}
