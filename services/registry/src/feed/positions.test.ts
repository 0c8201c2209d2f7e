/** Ids of server-sent events: bytes, round trips, and anything that is no id. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PositionVector, streamTopics } from './positions.ts';

const id = (...bytes: number[]) => Buffer.from(bytes).toString('base64url');

describe('ids', () => {
  // Version, then place of topic, number of partitions, (partition, offset)…, each number in base 128, least first.
  test.each<[name: string, text: string, positions: object]>([
    ['nothing read yet', id(1), {}],
    ['one partition', id(1, 0, 1, 0, 7), { 'lwm2m.registrations': { 0: '7' } }],
    ['offset of two bytes', id(1, 1, 1, 2, 0xac, 0x02), { 'lwm2m.notifications': { 2: '300' } }],
    ['two topics', id(1, 0, 2, 0, 1, 1, 2, 3, 1, 0, 9), { 'lwm2m.registrations': { 0: '1', 1: '2' }, 'lwm2m.command-results': { 0: '9' } }],
  ])('%s', (_name, text, positions) => {
    expect(PositionVector.decode(text)?.toPositions()).toEqual(positions);
    expect(PositionVector.from(positions as never).encode()).toBe(text);
  });

  test.each<[name: string, text: string]>([
    ['nothing', ''],
    ['not base64url', 'a+b/'],
    ['another version', id(2, 0, 1, 0, 7)],
    ['unknown topic', id(1, 200, 1, 0, 7)],
    ['no count', id(1, 0)],
    ['fewer partitions than told', id(1, 0, 2, 0, 7)],
    ['offset cut off', id(1, 0, 1, 0, 0x80)],
    ['offset beyond 63 bits', id(1, 0, 1, 0, ...Array<number>(9).fill(0xff), 0x7f)],
    ['number without end', id(1, 0, 1, 0, ...Array<number>(20).fill(0xff))],
    ['partition beyond the limit', id(1, 0, 1, 0xff, 0xff, 0x7f, 0)],
    ['too long', 'A'.repeat(10_000)],
  ])('refuses %s', (_name, text) => {
    expect(PositionVector.decode(text)).toBeUndefined();
  });

  test('come back as they went', () => {
    const offsets = fc.dictionary(fc.nat(65_535).map(String), fc.bigInt(0n, (1n << 63n) - 1n).map(String), { minKeys: 1, maxKeys: 64 });
    const positions = fc.dictionary(fc.constantFrom(...streamTopics), offsets);
    fc.assert(
      fc.property(positions, (wanted) => {
        expect(PositionVector.decode(PositionVector.from(wanted as never).encode())?.toPositions()).toEqual({ ...wanted });
      }),
    );
  });

  test('of any bytes are read or refused, never thrown', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const vector = PositionVector.decode(Buffer.from([1, ...bytes]).toString('base64url'));
        expect(vector === undefined || vector instanceof PositionVector).toBe(true);
      }),
    );
  });
});

describe('a reader', () => {
  const record = (partition: number, offset: string) => ({ topic: 'lwm2m.sends', key: 'a', headers: {}, value: new Uint8Array(), partition, offset }) as const;

  test('takes each record once, across holes in the offsets', () => {
    const vector = PositionVector.from({ 'lwm2m.sends': { 0: '5' } });
    const taken = ['3', '5', '5', '9', '6', '10'].map((offset) => vector.advance(record(0, offset)));
    expect(taken).toEqual([false, true, false, true, false, true]);
    expect(vector.get('lwm2m.sends', 0)).toBe(11n);
  });

  test('reaches a floor only with every partition of it', () => {
    const floor = PositionVector.from({ 'lwm2m.sends': { 0: '5', 1: '0' } });
    expect(PositionVector.from({ 'lwm2m.sends': { 0: '5' } }).reaches(floor)).toBe(true);
    expect(PositionVector.from({ 'lwm2m.sends': { 0: '4', 1: '9' } }).reaches(floor)).toBe(false);
    expect(PositionVector.from({ 'lwm2m.sends': { 1: '9' } }).reaches(floor)).toBe(false);
  });
});
