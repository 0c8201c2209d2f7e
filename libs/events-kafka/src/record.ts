/** Records as kafkajs gives them, turned into those of the port. */
import type { Topic } from '@cluster/contracts';
import type { ConsumedRecord } from '@cluster/events';
import type { IHeaders, KafkaMessage } from 'kafkajs';

/** A consumed record. Header values are UTF-8 text; of a repeated header the last counts. */
export function toRecord(topic: string, partition: number, message: KafkaMessage): ConsumedRecord {
  return {
    topic: topic as Topic,
    partition,
    offset: message.offset,
    key: message.key?.toString() ?? '',
    headers: toHeaders(message.headers),
    value: message.value ?? new Uint8Array(),
  };
}

function toHeaders(headers: IHeaders = {}): Record<string, string> {
  const texts: Record<string, string> = {};
  for (const name in headers) {
    const value = headers[name];
    const last = Array.isArray(value) ? value.at(-1) : value;
    if (last !== undefined) texts[name] = last.toString();
  }
  return texts;
}
