import { concatBytes, encodeUtf8, hex, toHex } from '@cluster/bytes';
import { describe, expect, it } from 'vitest';
import { createSecretKey } from '../crypto.ts';
import { directionKeys, keyBlockLength, masterSecret, pskPremasterSecret } from './key-schedule.ts';
import { Label, prf } from './prf.ts';

describe('the PRF with SHA-256', () => {
  it('gives the published test vector (mailarchive.ietf.org, TLS working group: "Test vectors for TLS 1.2 PRF")', () => {
    const output = prf(createSecretKey(hex('9bbe436ba940f017b17652849a71db35')), encodeUtf8('test label'), hex('a0ba9f936cda311827a6f796ffd5198c'), 100);
    expect(toHex(output)).toBe(
      'e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a6b301791e90d35c9c9a46b4e14baf9af' +
        '0fa022f7077def17abfd3797c0564bab4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a72e5a5110fff70187347b66',
    );
  });
});

describe('the key schedule', () => {
  it('pads a pre-shared key with as many zeros before it (RFC 4279 §2)', () => {
    expect(toHex(pskPremasterSecret(hex('aabbcc')))).toBe('00030000000003aabbcc');
  });

  it('gives another master secret with a session hash than without (RFC 7627 §4)', () => {
    const randoms = { client: new Uint8Array(32).fill(1), server: new Uint8Array(32).fill(2) };
    const plain = masterSecret(hex('00'), randoms, undefined);
    expect(plain).toEqual(prf(createSecretKey(hex('00')), Label.MASTER_SECRET, concatBytes([randoms.client, randoms.server]), 48));
    expect(masterSecret(hex('00'), randoms, hex('ff'))).toEqual(prf(createSecretKey(hex('00')), Label.EXTENDED_MASTER_SECRET, hex('ff'), 48));
  });

  it('cuts the key block in the order of RFC 5246 §6.3', () => {
    const block = Uint8Array.from({ length: 96 }, (_, index) => index);
    expect(keyBlockLength('aes-128-cbc-sha256')).toBe(96);
    const client = directionKeys(block, 'aes-128-cbc-sha256', 'client');
    expect([client.mac[0], client.key[0], client.iv.length]).toEqual([0, 64, 0]);
    const server = directionKeys(block, 'aes-128-ccm-8', 'server');
    expect([server.mac.length, server.key[0], server.iv[0], keyBlockLength('aes-128-ccm-8')]).toEqual([0, 16, 36, 40]);
  });
});
