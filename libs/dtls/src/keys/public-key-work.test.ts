import { hex, toHex } from '@cluster/bytes';
import { describe, expect, it } from 'vitest';
import { newKeyPair } from '../../test/peers.ts';
import { generateKeyPairSync, type KeyObject } from '../crypto.ts';
import { NamedGroup } from '../messages/extensions.ts';
import { newKeyShare, runPublicKeyWork, startPublicKeyWork, type PublicKeyResult, type PublicKeyWork } from './public-key-work.ts';

type Runner = (work: PublicKeyWork) => Promise<PublicKeyResult | undefined>;

const runners: [string, Runner][] = [
  ['where it stands', async (work) => runPublicKeyWork(work)],
  ['in a thread', (work) => new Promise((done) => startPublicKeyWork(work, done))],
];

describe.each(runners)('public-key work %s', (_runner, run) => {
  const agree = async (group: number, privateKey: KeyObject, point: Uint8Array): Promise<string | undefined> => {
    const result = await run({ kind: 'agree', group, privateKey, point });
    return result?.kind === 'agree' && result.secret !== undefined ? toHex(result.secret) : undefined;
  };

  it.each([
    ['secp256r1 (row B11)', NamedGroup.SECP256R1, 65],
    ['x25519', NamedGroup.X25519, 32],
  ])('agrees over %s: both sides have the same secret', async (_, group, length) => {
    for (let round = 0; round < 20; round++) {
      const [left, right] = [newKeyShare(group), newKeyShare(group)];
      expect([left.point.length, right.point.length]).toEqual([length, length]);
      const secret = await agree(group, left.privateKey, right.point);
      expect(secret).toHaveLength(64);
      expect(await agree(group, right.privateKey, left.point)).toBe(secret);
    }
  });

  it.each([
    ['all zeros: the secret would be zero', NamedGroup.X25519, new Uint8Array(32)],
    ['of 31 bytes', NamedGroup.X25519, new Uint8Array(31).fill(9)],
    ['outside of the curve', NamedGroup.SECP256R1, Uint8Array.of(4, ...new Uint8Array(64).fill(1))],
    ['at infinity', NamedGroup.SECP256R1, Uint8Array.of(0)],
    ['compressed', NamedGroup.SECP256R1, Uint8Array.of(2, ...new Uint8Array(64).fill(1))],
  ])('refuses a point %s (RFC 8422 §5.10, §5.11)', async (_, group, point) => {
    expect(await agree(group, newKeyShare(group).privateKey, point)).toBeUndefined();
  });

  describe('with signatures', () => {
    const pair = newKeyPair();
    const offer = { kind: 'offer', group: NamedGroup.SECP256R1, clientRandom: new Uint8Array(32), serverRandom: new Uint8Array(32), signingKey: pair.privateKey } as const;

    it('signs an offer over the randoms and the parameters (RFC 8422 §5.4)', async () => {
      const made = await run(offer);
      if (made?.kind !== 'offer') throw new Error(made?.kind);
      const { share, signature } = made;
      const message = Uint8Array.of(...new Uint8Array(64), 3, 0, 23, 65, ...share.point);
      const valid = async (publicKey: KeyObject, changed: Uint8Array, by = signature) => run({ kind: 'verify', publicKey, message: changed, signature: by });
      expect(await valid(pair.publicKey, message)).toEqual({ kind: 'verify', valid: true });
      expect(await valid(pair.publicKey, message.map((byte, index) => (index === 5 ? byte ^ 1 : byte)))).toEqual({ kind: 'verify', valid: false });
      expect(await valid(pair.publicKey, message, hex('30'))).toEqual({ kind: 'verify', valid: false });
      expect(await valid(newKeyPair().publicKey, message)).toEqual({ kind: 'verify', valid: false });
      expect(await valid(generateKeyPairSync('ed25519').publicKey, message)).toEqual({ kind: 'verify', valid: false });
    });
  });
});
