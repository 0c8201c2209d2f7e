import { createRequire } from 'node:module';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeAsKafkajs, encodeRecord, type RecordParts } from './record-encoder.ts';

const text = fc.oneof(fc.string(), fc.string({ unit: 'binary', maxLength: 300 }));
const record: fc.Arbitrary<RecordParts> = fc.record({
  key: text,
  value: fc.uint8Array({ maxLength: 9_000 }).map((bytes) => Buffer.from(bytes)),
  headers: fc.dictionary(text, text, { maxKeys: 20, noNullPrototype: true }),
  offsetDelta: fc.nat({ max: 100_000 }),
});

test('a record is encoded byte for byte as kafkajs does it', () => {
  fc.assert(fc.property(record, (parts) => {
    expect(encodeRecord(parts).buffer.equals(encodeAsKafkajs(parts).buffer)).toBe(true);
  }), { numRuns: 500 });
});

test.each<[string, RecordParts]>([
  ['a key that is bytes', { key: Buffer.from('k'), value: Buffer.from('v') }],
  ['no key', { key: null, value: Buffer.from('v') }],
  ['a value that is text', { key: 'k', value: 'v' }],
  ['a header that repeats', { key: 'k', value: Buffer.from('v'), headers: { a: ['1', '2'] } }],
  ['a timestamp of its own', { key: 'k', value: Buffer.from('v'), timestampDelta: 300 }],
  ['no headers', { key: 'k', value: Buffer.from('v') }],
])('%s comes out as from kafkajs', (_name, parts) => {
  expect(encodeRecord(parts).buffer.toString('hex')).toBe(encodeAsKafkajs(parts).buffer.toString('hex'));
});

test('a record of known bytes', () => {
  // Kafka protocol guide, record batch v2: length 17 (zigzag 22), attributes, timestamp delta, offset delta 1 (02), key, value, 1 header.
  const bytes = encodeRecord({ key: 'k', value: Buffer.from('val'), headers: { n: 'hi' }, offsetDelta: 1 }).buffer;
  expect(bytes.toString('hex')).toBe('1e' + '00' + '00' + '02' + '026b' + '0676616c' + '02' + '026e' + '046869');
});

test('kafkajs uses it', () => {
  const require = createRequire(import.meta.url);
  expect(require('kafkajs/src/protocol/recordBatch/record/v0')).toBe(encodeRecord);
});
