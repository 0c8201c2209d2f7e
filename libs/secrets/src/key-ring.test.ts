/** Derived keys: one for each purpose and secret, none of which tells of another. */
import { encodeUtf8 } from '@cluster/bytes';
import { hkdfSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { equalSecrets, keyedDigest, KeyRing, type MasterSecret, parseMasterSecrets, type Purpose } from './index.ts';

const HEX = '00'.repeat(31);
const first: MasterSecret = { id: 1, bytes: new Uint8Array(32).fill(1) };
const second: MasterSecret = { id: 2, bytes: new Uint8Array(32).fill(2) };
const purposes: Purpose[] = ['cookie', 'cid', 'ticket', 'sealing', 'sharing', 'firmware'];

describe('keys', () => {
  test('are of HKDF-SHA-256 and differ by purpose and secret', () => {
    const ring = new KeyRing([second, first]);
    const keys = purposes.flatMap((purpose) => ring.all(purpose).map(({ key }) => key.export().toString('hex')));
    expect(new Set(keys).size).toBe(12);
    const expected = Buffer.from(hkdfSync('sha256', first.bytes, '', 'lwm2m-cluster cookie', 32)).toString('hex');
    expect(ring.find('cookie', 1)?.export().toString('hex')).toBe(expected);
  });

  test('the newest is current, the former are still known', () => {
    const ring = new KeyRing([first]);
    ring.replace([second, first]);
    expect(ring.current('cid').id).toBe(2);
    expect(ring.all('cid').map(({ id }) => id)).toEqual([2, 1]);
    ring.replace([second]);
    expect(ring.find('cid', 1)).toBeUndefined();
    expect(() => ring.replace([])).toThrow(RangeError);
  });

  test('digests under one key tell nothing to those with another', () => {
    const ring = new KeyRing([second, first]);
    const [ours, other] = ring.all('sharing').map(({ key }) => keyedDigest(key, encodeUtf8('psk')));
    expect(equalSecrets(ours!, other!)).toBe(false);
    expect(equalSecrets(ours!, keyedDigest(ring.current('sharing').key, encodeUtf8('psk')))).toBe(true);
    expect(equalSecrets(ours!, ours!.subarray(1))).toBe(false);
  });
});

describe('the secret file', () => {
  test('lists secrets, newest first', () => {
    expect(parseMasterSecrets(`# made by hand\n\n 15  ${HEX}0a\r\n0 ${HEX}0B\n`)).toEqual([
      { id: 15, bytes: Uint8Array.from([...new Uint8Array(31), 10]) },
      { id: 0, bytes: Uint8Array.from([...new Uint8Array(31), 11]) },
    ]);
  });

  test.each<[string, string, string]>([
    ['nothing', '', 'holds no secret: expected a line "id hex"'],
    ['comments alone', '# k1\n', 'holds no secret: expected a line "id hex"'],
    ['no id', `${HEX}0a`, 'line 1: expected "id hex"'],
    ['a third word', `1 ${HEX}0a x`, 'line 1: expected "id hex"'],
    ['an id of letters', `k1 ${HEX}0a`, 'line 1: expected an id from 0 to 15'],
    ['an id too great', `16 ${HEX}0a`, 'line 1: expected an id from 0 to 15'],
    ['no hex', `1 ${HEX}0g`, 'line 1: expected the secret in hex'],
    ['half a byte', `1 ${HEX}0a0`, 'line 1: expected the secret in hex'],
    ['too short', `1 ${HEX}`, 'line 1: expected a secret of 32 to 1024 bytes'],
    ['one id twice', `1 ${HEX}0a\n1 ${HEX}0b`, 'line 2: its id stands before'],
    ['too many', Array.from({ length: 9 }, (_, i) => `${i} ${HEX}0a`).join('\n'), 'holds more than 8 secrets'],
  ])('with %s is refused, and nothing of it is told', (_, text, message) => {
    expect(parseMasterSecrets(text)).toEqual({ message });
  });

  test('any text is read without an exception', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => void parseMasterSecrets(text)));
  });
});
