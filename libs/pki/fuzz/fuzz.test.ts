/** Hostile certification requests: seeded mutations of OpenSSL's, and noise. A value comes out, never an exception. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { makeRequest } from '../test/openssl.ts';
import { judgeRequest, parseRequest } from '../src/index.ts';

const FAULTS = new Set(['too-large', 'malformed', 'unsupported-key', 'bad-signature', 'channel-binding-unsupported', 'unsupported-attribute']);
const seeds = [
  makeRequest({ subject: '/' }),
  makeRequest({ subject: '/C=XX/O=Example/CN=dev-1', extensions: ['subjectAltName=URI:urn:dev:1,DNS:dev-1', 'keyUsage=digitalSignature', 'basicConstraints=CA:FALSE'] }),
  makeRequest({ subject: '/CN=a', challengePassword: 'secret' }),
].map(({ der }) => der);

function check(bytes: Uint8Array): void {
  for (const proof of [true, false]) {
    const parsed = parseRequest(bytes, { proof });
    if (typeof parsed === 'string') expect(FAULTS).toContain(parsed);
    else expect(['string', 'undefined']).toContain(typeof judgeRequest(parsed, 'dev-1'));
  }
}

const change = fc.record({
  at: fc.nat(600),
  kind: fc.constantFrom('set', 'cut', 'double', 'insert'),
  value: fc.constantFrom(0x00, 0x01, 0x02, 0x03, 0x30, 0x31, 0x7f, 0x80, 0x81, 0x82, 0x84, 0xa0, 0xff),
  length: fc.integer({ min: 1, max: 40 }),
});

function mutate(seed: Uint8Array, changes: readonly { at: number; kind: string; value: number; length: number }[]): Uint8Array {
  const bytes = [...seed];
  for (const { at: anywhere, kind, value, length } of changes) {
    const at = anywhere % (bytes.length + 1);
    if (kind === 'set') bytes[at] = value;
    else if (kind === 'cut') bytes.splice(at, length);
    else if (kind === 'double') bytes.splice(at, 0, ...bytes.slice(at, at + length));
    else bytes.splice(at, 0, value);
  }
  return Uint8Array.from(bytes);
}

test('mutated requests', () => {
  const mutated = fc.tuple(fc.constantFrom(...seeds), fc.array(change, { minLength: 1, maxLength: 4 }));
  fc.assert(fc.property(mutated, ([seed, changes]) => check(mutate(seed, changes))), { numRuns: 5_000 });
});

test('noise', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 6_000 }), check), { numRuns: 1_000 });
});

test('a request that was changed in what it signs is never accepted', () => {
  const seed = seeds[1]!;
  fc.assert(fc.property(fc.nat(seed.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
    const bytes = Uint8Array.from(seed);
    bytes[at]! ^= flip;
    expect(typeof parseRequest(bytes)).toBe('string');
  }), { numRuns: 2_000 });
});
