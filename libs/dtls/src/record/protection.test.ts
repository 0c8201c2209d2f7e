import { EMPTY_BYTES, hex, toHex } from '@cluster/bytes';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CIPHERS, protection, seededBytes } from '../../test/fixtures.ts';
import { createCipheriv, createSecretKey } from '../crypto.ts';
import { createOpener, createSealer, sealingOverhead } from './protection.ts';
import type { Protection } from './protection.ts';
import { splitDatagram } from './record.ts';
import type { WireRecord } from './record.ts';

const CID = hex('0102030405060708');
const PROTECTIONS: readonly (readonly [name: string, protection: Protection])[] = CIPHERS.flatMap((cipher) =>
  [EMPTY_BYTES, CID].flatMap((cid) =>
    (cipher === 'aes-128-cbc-sha256' ? [false, true] : [false]).map(
      (encryptThenMac) => [`${cipher}${encryptThenMac ? ' EtM' : ''}${cid.length > 0 ? ' CID' : ''}`, protection(cipher, { cid, encryptThenMac })] as const,
    ),
  ),
);

function single(record: Uint8Array): WireRecord {
  const { records, intact } = splitDatagram(record, CID.length);
  expect([records.length, intact]).toEqual([1, true]);
  return records[0]!;
}

describe.each(PROTECTIONS)('%s', (_, under) => {
  const sealer = createSealer(under, seededBytes());
  const opener = createOpener(under);

  it('opens what it sealed, whatever content and sequence number', () => {
    fc.assert(
      fc.property(fc.constantFrom(21, 22, 23), fc.nat(2 ** 48 - 1), fc.uint8Array({ maxLength: 300 }), (type, sequence, content) => {
        const record = sealer.seal(type, sequence, content);
        expect(record.length - content.length).toBeLessThanOrEqual(sealingOverhead(under));
        const opened = opener.open(single(record))!;
        expect([opened.type, toHex(opened.content)]).toEqual([type, toHex(content)]);
      }),
    );
  });

  it('opens nothing in which any bit of type, sequence number, Connection ID or fragment was changed', () => {
    const record = sealer.seal(23, 77, hex('00112233445566778899'));
    for (let bit = 0; bit < record.length * 8; bit++) {
      const changed = record.slice();
      changed[bit >> 3]! ^= 1 << (bit & 7);
      const { records, intact } = splitDatagram(changed, CID.length);
      // An epoch other than 1 never reaches an opener.
      if (intact && records.length === 1 && records[0]!.epoch === 1) expect(opener.open(records[0]!)).toBeUndefined();
    }
  });

  it('opens nothing that is too short', () => {
    const whole = single(sealer.seal(23, 1, hex('aabb')));
    for (let length = 0; length < whole.fragment.length; length++) {
      expect(opener.open({ ...whole, fragment: whole.fragment.subarray(0, length) })).toBeUndefined();
    }
  });
});

describe('the explicit nonce', () => {
  it('is 24 bits drawn when sealing begins, then the low 40 bits of the sequence number', () => {
    const record = createSealer(protection('aes-128-ccm-8'), () => hex('a1b2c3')).seal(23, 0xab_12_34_56_78_9a, hex('00'));
    expect(toHex(single(record).fragment.subarray(0, 8))).toBe('a1b2c3123456789a');
  });

  it('of two acquisitions of the same keys differs for the same sequence number', () => {
    const random = seededBytes();
    const [first, second] = [0, 1].map(() => single(createSealer(protection('aes-128-gcm'), random).seal(23, 5, hex('00'))).fragment.subarray(0, 8));
    expect(toHex(first!)).not.toBe(toHex(second!));
  });
});

describe('RFC 9146', () => {
  it('hides the type of a record with a Connection ID, and ignores zeros that pad it (§4)', () => {
    const under = protection('aes-128-ccm-8', { cid: CID });
    const record = createSealer(under, seededBytes()).seal(22, 3, hex('0102'));
    expect(record[0]).toBe(25);
    // The content with zeros after its type stands for the same record: seal its inner plaintext by hand.
    const inner = hex('0102170000');
    const fragment = sealByHand(under, inner, 4);
    expect(createOpener(under).open(fragment)).toEqual({ type: 23, content: Buffer.from('0102', 'hex') });
    expect(createOpener(under).open(sealByHand(under, hex('000000'), 5))).toBeUndefined();
  });
});

/** AEAD_AES_128_CCM_8 over the additional data of RFC 9146 §5.3, written out. */
function sealByHand({ keys, cid }: Protection, inner: Uint8Array, sequence: number): WireRecord {
  const explicit = hex('0000000000000000');
  const cipher = createCipheriv('aes-128-ccm', createSecretKey(keys.key), Buffer.concat([keys.iv, explicit]), { authTagLength: 8 });
  const additional = hex(`ffffffffffffffff19${'08'}19fefd0001${sequence.toString(16).padStart(12, '0')}${toHex(cid)}${inner.length.toString(16).padStart(4, '0')}`);
  cipher.setAAD(additional, { plaintextLength: inner.length });
  const ciphertext = cipher.update(inner);
  cipher.final();
  const fragment = Buffer.concat([explicit, ciphertext, cipher.getAuthTag()]);
  return { type: 25, epoch: 1, sequence, cid, fragment, bytes: fragment };
}

describe('the primitive behind CCM', () => {
  it('gives what NIST SP 800-38C, example 3, says', () => {
    const cipher = createCipheriv('aes-128-ccm', createSecretKey(hex('404142434445464748494a4b4c4d4e4f')), hex('101112131415161718191a1b'), { authTagLength: 8 });
    cipher.setAAD(hex('000102030405060708090a0b0c0d0e0f10111213'), { plaintextLength: 24 });
    const ciphertext = cipher.update(hex('202122232425262728292a2b2c2d2e2f3031323334353637'));
    cipher.final();
    expect(toHex(ciphertext) + toHex(cipher.getAuthTag())).toBe('e3b201a9f5b71a7a9b1ceaeccd97e70b6176aad9a4428aa5484392fbc1b09951');
  });
});
