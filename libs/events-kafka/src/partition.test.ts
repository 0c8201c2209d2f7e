import fc from 'fast-check';
import kafkajs from 'kafkajs';
import { describe, expect, it, test } from 'vitest';
import { murmur2, partitionOf } from './partition.ts';

const kafkajsPartition = kafkajs.Partitioners.DefaultPartitioner();

function byKafkajs(key: string, partitions: number): number {
  const partitionMetadata = Array.from({ length: partitions }, (_, partitionId) => (
    { partitionId, leader: 1, isr: [1], replicas: [1], partitionErrorCode: 0 }
  ));
  return kafkajsPartition({ topic: 't', partitionMetadata, message: { key, value: null } });
}

// Source: UtilsTest.testMurmur2 of Apache Kafka's clients.
describe.each([
  ['21', -973_932_308],
  ['foobar', -790_332_482],
  ['a-little-bit-long-string', -985_981_536],
  ['a-little-bit-longer-string', -1_486_304_829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58_897_971],
  ['abc', 479_470_107],
])('murmur2 of %s', (key, hash) => {
  it(`is ${hash}`, () => expect(murmur2(key)).toBe(hash));
});

test('every key goes to the partition that kafkajs would choose', { timeout: 30_000 }, () => {
  const keys = fc.oneof(fc.string({ unit: 'binary', maxLength: 48 }), fc.string({ unit: 'grapheme', minLength: 300, maxLength: 600 }));
  fc.assert(fc.property(keys, fc.integer({ min: 1, max: 64 }), (key, partitions) => {
    expect(partitionOf(key, partitions)).toBe(byKafkajs(key, partitions));
  }));
});
