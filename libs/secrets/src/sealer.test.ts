/** What was sealed opens again under its name, and nothing else does. */
import { encodeUtf8, fromHex, toHex } from '@cluster/bytes';
import { createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { KeyRing, type MasterSecret, Sealer } from './index.ts';

const first: MasterSecret = { id: 1, bytes: new Uint8Array(32).fill(1) };
const second: MasterSecret = { id: 2, bytes: new Uint8Array(32).fill(2) };
const sealerOf = (...secrets: MasterSecret[]): Sealer => new Sealer(new KeyRing(secrets), randomBytes);

const bytes = fc.uint8Array({ maxLength: 300 });
const name = fc.string({ maxLength: 40 });

describe('sealing', () => {
  test('gives back what went in, for every name and content', () => {
    const sealer = sealerOf(first);
    fc.assert(fc.property(name, bytes, (of, content) => {
      expect(sealer.open(of, sealer.seal(of, content))).toEqual({ ok: true, plaintext: Buffer.from(content) });
    }));
  });

  test('opens under no other name', () => {
    const sealer = sealerOf(first);
    fc.assert(fc.property(name, name, bytes, (of, other, content) => {
      fc.pre(of !== other);
      expect(sealer.open(other, sealer.seal(of, content))).toEqual({ ok: false, reason: 'forged' });
    }));
  });

  test('opens with no bit altered and no byte missing', () => {
    const sealer = sealerOf(first);
    fc.assert(fc.property(bytes, fc.nat(), fc.integer({ min: 0, max: 7 }), (content, at, bit) => {
      const sealed = Uint8Array.from(sealer.seal('n', content));
      const place = at % sealed.length;
      const altered = Uint8Array.from(sealed);
      altered[place]! ^= 1 << bit;
      expect(sealer.open('n', altered).ok).toBe(false);
      expect(sealer.open('n', sealed.subarray(0, place)).ok).toBe(false);
    }));
  });

  test('takes anything for sealed and throws at nothing', () => {
    const sealer = sealerOf(first);
    fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), (rubbish) => {
      expect(sealer.open('n', rubbish).ok).toBe(false);
      expect(sealer.isCurrent(rubbish)).toBe(false);
    }));
  });

  test('never seals the same twice the same', () => {
    const sealer = sealerOf(first);
    const content = encodeUtf8('psk');
    expect(new Set(Array.from({ length: 100 }, () => toHex(sealer.seal('n', content)))).size).toBe(100);
  });

  test('holds to the documented layout', () => {
    const salt = fromHex('000102030405060708090a0b0c0d0e0f')!;
    const sealed = new Sealer(new KeyRing([first]), () => salt).seal('n', encodeUtf8('secret'));
    expect(toHex(sealed.subarray(0, 2))).toBe('0101');
    expect(toHex(sealed.subarray(2, 18))).toBe(toHex(salt));
    const sealing = Buffer.from(hkdfSync('sha256', first.bytes, '', 'lwm2m-cluster sealing', 32));
    const data = Buffer.from(hkdfSync('sha256', sealing, salt, 'lwm2m-cluster data key', 44));
    const decipher = createDecipheriv('aes-256-gcm', data.subarray(0, 32), data.subarray(32));
    decipher.setAAD(Buffer.from('n')).setAuthTag(sealed.subarray(-16));
    expect(Buffer.concat([decipher.update(sealed.subarray(18, -16)), decipher.final()]).toString()).toBe('secret');
  });
});

describe('changing the master secret', () => {
  const content = encodeUtf8('psk');

  test('what the former one sealed opens until it is taken out', () => {
    const sealed = sealerOf(first).seal('n', content);
    const ring = new KeyRing([second, first]);
    const sealer = new Sealer(ring, randomBytes);
    expect(sealer.open('n', sealed).ok).toBe(true);
    expect(sealer.isCurrent(sealed)).toBe(false);
    const again = sealer.seal('n', content);
    expect(sealer.isCurrent(again)).toBe(true);
    ring.replace([second]);
    expect(sealer.open('n', again).ok).toBe(true);
    expect(sealer.open('n', sealed)).toEqual({ ok: false, reason: 'unknown-key' });
  });

  test('another secret with the same id opens nothing', () => {
    const sealed = sealerOf(first).seal('n', content);
    expect(sealerOf({ ...second, id: 1 }).open('n', sealed)).toEqual({ ok: false, reason: 'forged' });
  });
});
