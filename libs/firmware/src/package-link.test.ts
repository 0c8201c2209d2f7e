import { KeyRing, type MasterSecret } from '@cluster/secrets';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openLink, sealLink, type PackageLink } from './index.ts';

const first: MasterSecret = { id: 1, bytes: new Uint8Array(32).fill(1) };
const second: MasterSecret = { id: 2, bytes: new Uint8Array(32).fill(2) };
const ring = new KeyRing([first]);
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');
const links = fc.record<PackageLink>({
  package: fc.uint8Array({ minLength: 16, maxLength: 16 }).map(text), device: fc.uint8Array({ minLength: 6, maxLength: 6 }).map(text),
  expiresAtS: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
});

describe('a link', () => {
  it('opens as what it was made of, until its time is over', () => {
    fc.assert(fc.property(links, (link) => {
      const sealed = sealLink(ring, link);
      expect(sealed).toMatch(/^[\w-]{58}$/);
      expect(openLink(ring, sealed, link.expiresAtS - 1)).toEqual(link);
      expect(openLink(ring, sealed, link.expiresAtS)).toBeUndefined();
    }));
  });

  it('with any character changed opens nothing', () => {
    fc.assert(fc.property(links, fc.nat(57), fc.constantFrom(...'ABZabz059-_'), (link, at, character) => {
      const sealed = sealLink(ring, link);
      fc.pre(sealed[at] !== character);
      expect(openLink(ring, sealed.slice(0, at) + character + sealed.slice(at + 1), 0)).toBeUndefined();
    }));
  });

  it('outlives a new secret, and not the removal of its own', () => {
    const link = { package: 'A'.repeat(22), device: 'A'.repeat(8), expiresAtS: 1_000 };
    const sealed = sealLink(ring, link);
    expect(openLink(new KeyRing([second, first]), sealed, 1)).toEqual(link);
    expect(openLink(new KeyRing([second]), sealed, 1)).toBeUndefined();
  });

  it('fuzz: no text makes it throw', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 80 }), (any) => {
      expect(openLink(ring, any, 0)).toBeUndefined();
    }));
  });
});
