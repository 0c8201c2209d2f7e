import { EMPTY_BYTES, hex } from '@cluster/bytes';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ring, seededBytes } from '../../test/fixtures.ts';
import { keyBlockLength } from '../keys/key-schedule.ts';
import { CIPHER_SUITES } from '../suites.ts';
import { CID_LENGTH, createCid, isOurCid } from './cid.ts';
import { IDENTITY_KINDS, decodeFixed, decodeMoving, encodeFixed, encodeMoving } from './record.ts';
import type { AssociationFixed, Credential } from './record.ts';
import { decodeSession, encodeSession, openTicket, sealTicket } from './session.ts';
import type { Session } from './session.ts';

const credentials: fc.Arbitrary<Credential> = fc.record({
  deviceNumber: fc.uint8Array({ minLength: 6, maxLength: 6 }).map((bytes) => Buffer.from(bytes).toString('base64url')),
  credentialVersion: fc.nat(2 ** 32 - 1),
  identity: fc.record({ kind: fc.constantFrom(...IDENTITY_KINDS), bytes: fc.uint8Array({ maxLength: 128 }) }),
  validUntilMs: fc.option(fc.nat(2 ** 47), { nil: undefined }),
}).map(({ validUntilMs, ...credential }) => (validUntilMs === undefined ? credential : { ...credential, validUntilMs }));
const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const fixedParts: fc.Arbitrary<AssociationFixed> = fc.constantFrom(...CIPHER_SUITES).chain((suite) =>
  fc.record({
    suite: fc.constant(suite),
    encryptThenMac: fc.boolean(),
    extendedMasterSecret: fc.boolean(),
    cidAgreed: fc.boolean(),
    keyBlock: bytes(keyBlockLength(suite.cipher)),
    cid: bytes(CID_LENGTH),
    peerCid: fc.uint8Array({ maxLength: 20 }),
    sendLimit: fc.nat(0x4000),
    masterSecret: fc.constantFrom(0, 48).chain(bytes),
    provedAtMs: fc.nat(2 ** 47),
    credential: credentials,
  }),
);
const movingParts = fc.record({ cid: bytes(CID_LENGTH), fence: fc.nat(2 ** 40), sendEnd: fc.nat(2 ** 40), receiveCeiling: fc.nat(2 ** 40).map((n) => n - 1), peer: fc.string({ maxLength: 60 }) });
const sessions: fc.Arbitrary<Session> = fc.record({
  suite: fc.constantFrom(...CIPHER_SUITES),
  extendedMasterSecret: fc.boolean(),
  masterSecret: bytes(48),
  credential: credentials,
  provedAtMs: fc.nat(2 ** 47),
});

describe('a stored association', () => {
  it('comes back as it was', () => {
    fc.assert(fc.property(fixedParts, (fixed) => { expect(plain(decodeFixed(encodeFixed(fixed)))).toEqual(plain(fixed)); }));
    fc.assert(fc.property(movingParts, (moving) => { expect(decodeMoving(encodeMoving(moving))).toEqual(moving); }));
  });

  it('that is cut short, of another version or only bytes is none', () => {
    fc.assert(
      fc.property(fixedParts, fc.nat(), (fixed, at) => {
        const encoded = encodeFixed(fixed);
        expect(decodeFixed(encoded.subarray(0, at % encoded.length))).toBeUndefined();
        expect(decodeFixed(Uint8Array.of(9, ...encoded.subarray(1)))).toBeUndefined();
      }),
    );
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (any) => [decodeFixed(any), decodeMoving(any), decodeSession(any)].length === 3));
  });

  it('with an identity of 32 bytes and an IPv4 address takes less than 260 bytes in all', () => {
    const [suite] = CIPHER_SUITES;
    const credential = { deviceNumber: 'AbCdEfGh', credentialVersion: 1, identity: { kind: 'psk', bytes: new Uint8Array(32) } } as const;
    const fixed = { suite: suite!, encryptThenMac: false, extendedMasterSecret: true, cidAgreed: true, keyBlock: new Uint8Array(40), cid: new Uint8Array(14), peerCid: EMPTY_BYTES, sendLimit: 0x4000, masterSecret: new Uint8Array(48), provedAtMs: 1e12, credential };
    const moving = { cid: new Uint8Array(14), fence: 1, sendEnd: 64, receiveCeiling: 0, peer: 'dtls:192.0.2.1:5684' };
    expect(encodeFixed(fixed).length + encodeMoving(moving).length).toBeLessThan(260);
  });
});

describe('a session ticket', () => {
  const tickets = ring(7);

  it('opens under its own key, and under a former one that is still in the ring', () => {
    const random = seededBytes();
    fc.assert(
      fc.property(sessions, (session) => {
        const ticket = sealTicket(tickets, session, random);
        expect(plain(openTicket(tickets, ticket))).toEqual(plain(session));
        expect(plain(openTicket([...ring(8), ...tickets], ticket))).toEqual(plain(session));
        expect(openTicket(ring(8), ticket)).toBeUndefined();
      }),
    );
  });

  it('that was changed in any byte, cut, or made of any bytes is none', () => {
    const ticket = sealTicket(tickets, fc.sample(sessions, { numRuns: 1, seed: 1 })[0]!, seededBytes());
    for (let at = 0; at < ticket.length; at++) {
      expect(openTicket(tickets, ticket.map((byte, index) => (index === at ? byte ^ 1 : byte)))).toBeUndefined();
      expect(openTicket(tickets, ticket.subarray(0, at))).toBeUndefined();
    }
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (any) => openTicket(tickets, any) === undefined));
  });

  it('holds the session as it is stored under a session id', () => {
    fc.assert(fc.property(sessions, (session) => { expect(plain(decodeSession(encodeSession(session)))).toEqual(plain(session)); }));
  });
});

describe('a Connection ID', () => {
  const keys = ring(3);

  it('is ours only with its MAC, under a key of the ring', () => {
    const cid = createCid(keys, 9, seededBytes());
    expect(cid).toHaveLength(CID_LENGTH);
    expect(cid[1]).toBe(9);
    expect(isOurCid(keys, cid)).toBe(true);
    expect(isOurCid([...ring(4), ...keys], cid)).toBe(true);
    expect(isOurCid(ring(4), cid)).toBe(false);
    for (let bit = 0; bit < cid.length * 8; bit++) {
      const changed = cid.slice();
      changed[bit >> 3]! ^= 1 << (bit & 7);
      expect(isOurCid(keys, changed)).toBe(false);
    }
    expect(isOurCid(keys, hex(''))).toBe(false);
  });
});

/** Buffers and Uint8Arrays alike. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value ?? null, (_, each: unknown) => (ArrayBuffer.isView(each) ? [...(each as Uint8Array)] : isBufferJson(each) ? each.data : each)));
}

function isBufferJson(value: unknown): value is { data: number[] } {
  return typeof value === 'object' && value !== null && (value as { type?: string }).type === 'Buffer';
}
