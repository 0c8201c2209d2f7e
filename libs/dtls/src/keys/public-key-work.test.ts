import { hex, toHex } from '@cluster/bytes';
import { describe, expect, it } from 'vitest';
import { newKeyPair } from '../../test/peers.ts';
import type { KeyObject } from '../crypto.ts';
import { NamedGroup } from '../messages/extensions.ts';
import { newKeyShare, runPublicKeyWork } from './public-key-work.ts';

const agree = (group: number, privateKey: KeyObject, point: Uint8Array): string | undefined => {
  const result = runPublicKeyWork({ kind: 'agree', group, privateKey, point });
  return result.kind === 'agree' && result.secret !== undefined ? toHex(result.secret) : undefined;
};

describe('a key agreement', () => {
  it.each([
    ['secp256r1', NamedGroup.SECP256R1, 65],
    ['x25519', NamedGroup.X25519, 32],
  ])('over %s gives both sides the same secret', (_, group, length) => {
    for (let round = 0; round < 20; round++) {
      const [left, right] = [newKeyShare(group), newKeyShare(group)];
      expect([left.point.length, right.point.length]).toEqual([length, length]);
      const secret = agree(group, left.privateKey, right.point);
      expect(secret).toHaveLength(64);
      expect(agree(group, right.privateKey, left.point)).toBe(secret);
    }
  });

  it.each([
    ['all zeros: the secret would be zero', NamedGroup.X25519, new Uint8Array(32)],
    ['of 31 bytes', NamedGroup.X25519, new Uint8Array(31).fill(9)],
    ['outside of the curve', NamedGroup.SECP256R1, Uint8Array.of(4, ...new Uint8Array(64).fill(1))],
    ['at infinity', NamedGroup.SECP256R1, Uint8Array.of(0)],
    ['compressed', NamedGroup.SECP256R1, Uint8Array.of(2, ...new Uint8Array(64).fill(1))],
  ])('with a point %s is refused (RFC 8422 §5.10, §5.11)', (_, group, point) => {
    expect(agree(group, newKeyShare(group).privateKey, point)).toBeUndefined();
  });
});

describe('a signature', () => {
  const pair = newKeyPair();
  const offer = { kind: 'offer', group: NamedGroup.SECP256R1, clientRandom: new Uint8Array(32), serverRandom: new Uint8Array(32), signingKey: pair.privateKey } as const;
  const made = runPublicKeyWork(offer);

  it('of an offer is over the randoms and the parameters (RFC 8422 §5.4)', () => {
    if (made.kind !== 'offer') throw new Error(made.kind);
    const message = Uint8Array.of(...new Uint8Array(64), 3, 0, 23, 65, ...made.share.point);
    const valid = (changed: Uint8Array, signature = made.signature) => runPublicKeyWork({ kind: 'verify', publicKey: pair.publicKey, message: changed, signature });
    expect(valid(message)).toEqual({ kind: 'verify', valid: true });
    expect(valid(message.map((byte, index) => (index === 5 ? byte ^ 1 : byte)))).toEqual({ kind: 'verify', valid: false });
    expect(valid(message, hex('30'))).toEqual({ kind: 'verify', valid: false });
    expect(runPublicKeyWork({ kind: 'verify', publicKey: newKeyPair().publicKey, message, signature: made.signature })).toEqual({ kind: 'verify', valid: false });
  });
});
