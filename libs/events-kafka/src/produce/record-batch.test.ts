import { createRequire } from 'node:module';
import { topics } from '@cluster/contracts';
import type { EventRecord } from '@cluster/events';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { writeBatch } from './record-batch.ts';
import { RequestWriter } from './request-writer.ts';

/** kafkajs' decoder, which is independent of the encoder here. */
const require = createRequire(import.meta.url);
const KafkajsDecoder = require('kafkajs/src/protocol/decoder') as new (bytes: Buffer) => object;
const decodeBatch = require('kafkajs/src/protocol/recordBatch/v0/decoder') as (decoder: object) => Promise<DecodedBatch>;

interface DecodedBatch {
  readonly producerId: string;
  readonly producerEpoch: number;
  readonly firstSequence: number;
  readonly firstTimestamp: string;
  readonly records: readonly { readonly key: Buffer; readonly value: Buffer; readonly headers: Record<string, Buffer>; readonly timestamp: string }[];
}

const HEAD = { producer: { id: 0x1234_5678_9abcn, epoch: 3 }, sequence: 0x7fff_fff0, timestampMs: 1_760_000_000_123 };

const text = fc.oneof(fc.string({ maxLength: 80 }), fc.string({ unit: 'binary', maxLength: 90 }));
/** kafkajs keeps headers in an object that has a prototype. */
const name = text.filter((t) => !(t in {}));
const record: fc.Arbitrary<EventRecord> = fc.record({
  topic: fc.constant(topics.sends),
  key: text,
  value: fc.oneof(fc.uint8Array({ maxLength: 90 }), fc.integer({ min: 0, max: 20_000 }).map((length) => new Uint8Array(length).fill(7))),
  headers: fc.dictionary(name, text, { maxKeys: 14, noNullPrototype: true }),
});

test('what is written is what kafkajs reads, whatever the lengths', { timeout: 30_000 }, async () => {
  const writer = new RequestWriter();
  await fc.assert(fc.asyncProperty(fc.array(record, { minLength: 1, maxLength: 12 }), async (records) => {
    writer.restart();
    writeBatch(writer, HEAD, records);
    const batch = await decodeBatch(new KafkajsDecoder(Buffer.from(writer.written)));
    expect(batch).toMatchObject({ producerId: '20015998343868', producerEpoch: 3, firstSequence: 0x7fff_fff0, firstTimestamp: '1760000000123' });
    expect(batch.records.map(({ key, value, headers }) => [key.toString(), value.toString('hex'), asText(headers)])).toEqual(
      records.map(({ key, value, headers }) => [Buffer.from(key).toString(), Buffer.from(value).toString('hex'), wellFormed(headers)]),
    );
  }), { numRuns: 200 });
});

function asText(headers: Record<string, Buffer>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([key, value]) => [key, value.toString()]));
}

/** Text that is not well-formed UTF-16 has no UTF-8: it is written with replacement characters. */
function wellFormed(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([key, value]) => [key.toWellFormed(), value.toWellFormed()]));
}

test('a record of known bytes', () => {
  // Kafka protocol guide, record batch v2: length 17 (zigzag 22), attributes, timestamp delta, offset delta, key, value, 1 header.
  const writer = new RequestWriter();
  writeBatch(writer, HEAD, [{ topic: topics.sends, key: 'k', value: Buffer.from('val'), headers: { n: 'hi' } }]);
  expect(writer.written.subarray(61).toString('hex')).toBe('1e' + '00' + '00' + '00' + '026b' + '0676616c' + '02' + '026e' + '046869');
});
