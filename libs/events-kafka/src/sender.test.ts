import type { RecordMetadata } from 'kafkajs';
import { expect, test } from 'vitest';
import { unanswered, type OutgoingMessage } from './sender.ts';

const message = (topic: string, partition: number): OutgoingMessage => ({ topic, partition, value: '', size: 1 });
const answer = (topicName: string, partition: number): RecordMetadata => ({ topicName, partition, errorCode: 0 });

test('a message whose partition was answered is done', () => {
  const messages = [message('a', 0), message('a', 1), message('b', 0), message('a', 0)];
  expect(unanswered(messages, [answer('a', 0), answer('a', 1), answer('b', 0)])).toEqual([]);
});

test('messages whose partition nobody answered are sent again, in their order', () => {
  const messages = [message('a', 1), message('a', 0), message('b', 1), message('a', 1)];
  expect(unanswered(messages, [answer('a', 0), answer('b', 0)])).toEqual([messages[0], messages[2], messages[3]]);
});

test('a message without a partition was never sent', () => {
  const messages: OutgoingMessage[] = [{ topic: 'a', value: '', size: 1 }];
  expect(unanswered(messages, [answer('a', 0)])).toEqual(messages);
});
