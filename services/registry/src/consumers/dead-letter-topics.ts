/** Keeps records that could not be understood, as they came, in the dead-letter topic of their topic. */
import type { Topic } from '@cluster/contracts';
import type { EventPublisher, EventRecord } from '@cluster/events';
import type { DeadLetter, DeadLetterSink } from './dead-letters.ts';

export function deadLetterTopic(topic: Topic): string {
  return `${topic}.dead-letter`;
}

export function deadLetterTopics(publisher: Pick<EventPublisher, 'publish'>): DeadLetterSink {
  return { keep: (letters) => publisher.publish(letters.map(toRecord)) };
}

function toRecord({ record, reason }: DeadLetter): EventRecord {
  const { topic, partition, offset, key, headers, value } = record;
  return {
    // The topics of the contracts are those of events; these hold what is none.
    topic: deadLetterTopic(topic) as Topic,
    key,
    headers: { ...headers, dead_letter_reason: reason.slice(0, 500), dead_letter_partition: String(partition), dead_letter_offset: offset },
    value,
  };
}
