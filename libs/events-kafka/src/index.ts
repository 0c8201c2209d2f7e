/** Events over Kafka: the adapters of the event ports, and what an operator must know of the topics behind them. */
export { kafkaAccess, type KafkaAccess, type KafkaSettings } from './access.ts';
export { connectKafkaConsumer } from './consumer.ts';
export { connectKafkaPublisher, type KafkaPublisherOptions } from './connect-publisher.ts';
export { ensureTopics, kafkaDurability, type TopicPlan } from './admin.ts';
export { TopicKeeper, type TopicMaker } from './topic-keeper.ts';
export type { KafkaSecurity, Sasl } from './security.ts';
export type { EventsLogger, KafkaConnection } from './client.ts';
