import { topics } from '@cluster/contracts';
import { expect, test } from 'vitest';
import { EventTooLarge, MAX_RECORD_BYTES, batchBytes, recordBytes } from './limits.ts';

const sized = (bytes: number) => ({ topic: topics.sends, key: 'key', headers: { name: 'v' }, value: new Uint8Array(bytes - 8) });

test('a record counts with key, headers and value', () => {
  expect(recordBytes(sized(100))).toBe(100);
  expect(batchBytes([sized(100), sized(50)])).toBe(150);
});

test('a batch with a record above the limit is refused as a whole', () => {
  expect(batchBytes([sized(MAX_RECORD_BYTES)])).toBe(MAX_RECORD_BYTES);
  expect(() => batchBytes([sized(10), sized(MAX_RECORD_BYTES + 1)])).toThrow(EventTooLarge);
});
