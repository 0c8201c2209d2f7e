import { expect, test } from 'vitest';
import { parseSlots, SlotMap } from './slots.ts';

const a = { host: '10.0.0.1', port: 7000 };
const b = { host: '10.0.0.2', port: 7001 };
const range = (first: number, last: number, { host, port }: typeof a) => [first, last, [Buffer.from(host), port, Buffer.from('id')]];

// Slots of keys as `CLUSTER KEYSLOT` of Redis 7.0 tells them.
test('a reply of CLUSTER SLOTS tells the owner of each key', () => {
  const map = parseSlots([range(0, 8_191, a), range(8_192, 16_383, b)] as never, 'asked');
  expect([map.empty, map.complete]).toEqual([false, true]);
  expect(map.owners()).toEqual([a, b]);
  expect(map.owner('foo')).toEqual(b); // 12182
  expect(map.owner('bar')).toEqual(a); // 5061
  expect(map.owner('any{foo}thing')).toEqual(b);
  expect([map.isOwner({ ...a }), map.isOwner({ ...a, port: 1 })]).toEqual([true, false]);
});

test('a node that does not know its name is the one that was asked', () => {
  const nameless = (host: Buffer | null) => parseSlots([[0, 16_383, [host, 7000]]] as never, 'asked').owners();
  expect(nameless(Buffer.from(''))).toEqual([{ host: 'asked', port: 7000 }]);
  expect(nameless(null)).toEqual([{ host: 'asked', port: 7000 }]);
});

test('slots that nobody holds have no owner until one is told', () => {
  const map = parseSlots([range(0, 8_191, a)] as never, 'asked');
  expect([map.empty, map.complete, map.owner('foo')]).toEqual([false, false, undefined]);
  map.assign(12_182, b);
  expect(map.owner('foo')).toEqual(b);
  map.assign(16_384, a);
  map.assign(-1, a);
  map.assign(NaN, a);
  expect(map.owners()).toEqual([a, b]);
  expect(new SlotMap().empty).toBe(true);
});
