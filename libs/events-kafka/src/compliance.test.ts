import type { Topic } from '@cluster/contracts';
import { eventsCompliance, startKafka, type EventsHarness } from '@cluster/testing';
import { Kafka, logLevel } from 'kafkajs';
import { connectKafkaConsumer, connectKafkaPublisher, ensureTopics } from './index.ts';

eventsCompliance('Kafka', async (): Promise<EventsHarness> => {
  const kafka = await startKafka();
  const connection = { brokers: kafka.brokers, clientId: 'compliance' };
  let topics = 0;
  return {
    async topic() {
      const topic = `compliance-${topics++}` as Topic;
      await ensureTopics({ ...connection, topics: [topic], partitions: 3 });
      return topic;
    },
    publisher: () => connectKafkaPublisher(connection),
    consumer: async () => connectKafkaConsumer(connection),
    restart: () => kafka.restart(),
    async expire(topic) {
      const admin = new Kafka({ ...connection, brokers: [...kafka.brokers], logLevel: logLevel.NOTHING }).admin();
      await admin.connect();
      const partitions = (await admin.fetchTopicOffsets(topic)).map(({ partition, high }) => ({ partition, offset: high }));
      await admin.deleteTopicRecords({ topic, partitions: partitions.filter(({ offset }) => offset !== '0') });
      await admin.disconnect();
    },
    close: () => kafka.stop(),
  };
});
