import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { publicKeyOf } from './one-asymmetric-key.ts';

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const der = privateKey.export({ format: 'der', type: 'pkcs8' });
const spki = publicKey.export({ format: 'der', type: 'spki' });
const SEQUENCE = 0x30;
const rewrapped = (content: Buffer) => Buffer.concat([Buffer.of(SEQUENCE, 0x81, content.length), content]);
// 30 81 87, then version, algorithm and key.
const content = der.subarray(3);

describe('a private key', () => {
  it('of version 1 tells its public key', () => expect(publicKeyOf(der)).toEqual(spki));

  it.each<[string, Uint8Array]>([
    ['of version 2, with its public key (RFC 5958 §2)', rewrapped(Buffer.concat([Buffer.of(2, 1, 1), content.subarray(3)]))],
    ['that is encrypted (RFC 5958 §3)', privateKey.export({ format: 'der', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'x' })],
    ['as RFC 5915 has it', privateKey.export({ format: 'der', type: 'sec1' })],
    ['with something behind it', Buffer.concat([der, Buffer.of(0)])],
    ['that is a public one', spki],
    ['of no bytes', new Uint8Array()],
  ])('%s is none (row B32)', (_, bytes) => expect(publicKeyOf(bytes)).toBeUndefined());

  it('of any bytes is one, or none', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => publicKeyOf(bytes) === undefined));
    fc.assert(fc.property(fc.nat(der.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
      const bent = Buffer.from(der);
      bent[at] = bent[at]! ^ change;
      publicKeyOf(bent);
    }));
  });
});
