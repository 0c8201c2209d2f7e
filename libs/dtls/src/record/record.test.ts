import { EMPTY_BYTES, concatBytes, hex } from '@cluster/bytes';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DTLS_1_0, plaintextRecord, splitDatagram } from './record.ts';

const HANDSHAKE = hex('16fefd0000000000000007 0003 010203'.replaceAll(' ', ''));
const WITH_CID = hex('19fefd0001000000000009 0a0b0c 0002 ffee'.replaceAll(' ', ''));

describe('a datagram', () => {
  it('is split into its records, with and without a Connection ID (RFC 9146 §4)', () => {
    const { records, intact } = splitDatagram(concatBytes([HANDSHAKE, WITH_CID]), 3);
    expect(intact).toBe(true);
    expect(records).toEqual([
      { type: 22, epoch: 0, sequence: 7, cid: EMPTY_BYTES, fragment: hex('010203'), bytes: HANDSHAKE },
      { type: 25, epoch: 1, sequence: 9, cid: hex('0a0b0c'), fragment: hex('ffee'), bytes: WITH_CID },
    ]);
  });

  it.each([
    ['a header cut short', '16fefd00000000000000070003'.slice(0, 24)],
    ['a fragment cut short', '16fefd000000000000000700030102'],
    ['an unknown type', '18fefd00000000000000070000'],
    ['type 24, heartbeat', '18fefd00000000000000070000'],
    ['another version', '16030300000000000000070000'],
    ['DTLS 1.0 in a protected epoch', '16feff00010000000000070000'],
    ['a length above 2^14 + 1024', '16fefd000000000000000744 01'.replaceAll(' ', '') + '00'.repeat(17_409)],
    ['a Connection ID cut short', '19fefd00010000000000090a0b'],
  ])('with %s gives nothing from there on', (_, text) => {
    const { records, intact } = splitDatagram(concatBytes([HANDSHAKE, hex(text)]), 3);
    expect(records).toHaveLength(1);
    expect(intact).toBe(false);
  });

  it('has no record with a Connection ID where none is ever given out', () => {
    expect(splitDatagram(WITH_CID, 0)).toEqual({ records: [], intact: false });
  });

  it('may begin as DTLS 1.0: a client does not know yet (RFC 6347 §4.1)', () => {
    const [record] = splitDatagram(plaintextRecord(22, 5, hex('0102'), DTLS_1_0), 3).records;
    expect(record).toMatchObject({ type: 22, epoch: 0, sequence: 5, fragment: hex('0102') });
  });

  it('comes back as it was written, whatever the fragments', () => {
    const parts = fc.array(fc.tuple(fc.constantFrom(20, 21, 22, 23), fc.nat(2 ** 48 - 1), fc.uint8Array({ maxLength: 50 })), { maxLength: 5 });
    fc.assert(
      fc.property(parts, (records) => {
        const datagram = concatBytes(records.map(([type, sequence, fragment]) => plaintextRecord(type, sequence, fragment)));
        const split = splitDatagram(datagram, 14);
        expect(split.intact).toBe(true);
        expect(split.records.map(({ type, sequence, fragment }) => [type, sequence, fragment])).toEqual(records);
      }),
    );
  });

  it('of any bytes is split without an exception, into views of itself', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(20), (datagram, cidLength) => {
        const { records } = splitDatagram(datagram, cidLength);
        expect(records.reduce((sum, record) => sum + record.bytes.length, 0)).toBeLessThanOrEqual(datagram.length);
      }),
    );
  });
});
