/** The bytes of queue entries, and the mark in them. */
import { expect, it } from 'vitest';
import { decodeEntry, encodeEntry, finish, newEntry, settledEntry } from './entry.ts';

const entry = finish(newEntry({ op: 'read', path: '/3/0/9' }, { id: 'a', nowMs: 5 }), { state: 'done', atMs: 7, response: { code: '2.05' } });

it('an entry is read back as it was written', () => {
  expect(entry.unpublished).toBe(true);
  expect(decodeEntry(encodeEntry(entry))).toEqual(entry);
});

it('the mark is cleared in the bytes, and nothing else', () => {
  const encoded = encodeEntry(entry);
  expect(decodeEntry(settledEntry(encoded))).toEqual({ ...entry, unpublished: false });
  expect(decodeEntry(encoded)).toEqual(entry);
});
