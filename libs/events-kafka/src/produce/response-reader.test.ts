import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LinkLost } from './broker-link.ts';
import { read } from './leaders.ts';
import { readInitProducerId, readMetadata, readProduceResponse } from './requests.ts';
import { ResponseReader } from './response-reader.ts';

const int16 = (value: number): number[] => [(value >> 8) & 0xff, value & 0xff];
const int32 = (value: number): number[] => [...int16(value >> 16), ...int16(value)];
const string = (text: string): number[] => [...int16(text.length), ...Buffer.from(text)];
const response = (...bytes: number[][]): ResponseReader => new ResponseReader(Buffer.from(bytes.flat()));

test('metadata v4: brokers, and the leaders of each topic', () => {
  const partition = (index: number, leader: number): number[] => [...int16(0), ...int32(index), ...int32(leader), ...int32(1), ...int32(leader), ...int32(0)];
  const reader = response(
    int32(0),
    int32(2), int32(1), string('a'), int32(9092), int16(-1), int32(7), string('b'), int32(9093), string('rack'),
    string('cluster'), int32(1),
    int32(2), int16(0), string('t'), [0], int32(2), partition(1, 7), partition(0, -1), int16(3), string('gone'), [0], int32(0),
  );
  expect(readMetadata(reader)).toEqual({
    brokers: new Map([[1, { host: 'a', port: 9092 }], [7, { host: 'b', port: 9093 }]]),
    topics: [{ name: 't', error: 0, leaders: [-1, 7] }, { name: 'gone', error: 3, leaders: [] }],
  });
});

test('produce v7: the code of each partition; one that is not answered is none that a broker gives', () => {
  const partition = (index: number, error: number): number[] => [...int32(index), ...int16(error), ...Array<number>(24).fill(0)];
  const errorOf = readProduceResponse(response(int32(1), string('t'), int32(2), partition(4, 0), partition(2, 6), int32(0)));
  expect([errorOf('t', 4), errorOf('t', 2), errorOf('t', 0), errorOf('u', 4)]).toEqual([0, 6, -1, -1]);
});

test('any bytes are read or are a lost link, in bounded time', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
    for (const how of [readMetadata, readProduceResponse, readInitProducerId]) {
      try {
        read<unknown>(new ResponseReader(Buffer.from(bytes)), how);
      } catch (error) {
        expect(error).toBeInstanceOf(LinkLost);
      }
    }
  }), { numRuns: 2_000 });
});
