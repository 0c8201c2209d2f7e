/** Which certificates of devices are accepted, and with which alert others are refused. */
import { Buffer } from 'node:buffer';
import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { describeCertificate, judgeCertificate, type CertificateJudgement, type CertificatePolicy } from './judge.ts';
import { authority, ecKeys, END, type Issued, issue, name, oid, revocationList, START, tlv } from './testing/authority.ts';
import { TrustStore } from './trust-store.ts';

const NOW = Date.parse('2030-06-01T00:00:00Z');
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';
const DAY = 86_400_000;
const SOON = new Date(NOW + DAY);

const root = authority('CN=Root,O=Example');
const middle = issue({ subject: 'CN=Middle', ca: true, keyUsage: [5, 6] }, root);
const device = issue({ subject: 'CN=urn:dev:1', dnsNames: ['dev-1.example'], uris: ['urn:imei:1'], ca: false, keyUsage: [0], purposes: [CLIENT_AUTH] }, middle);

function trusting(anchors: readonly Issued[], lists: readonly Buffer[] = []): TrustStore {
  const trust = new TrustStore();
  for (const { der } of anchors) expect(trust.addAnchor(der)).toBeUndefined();
  for (const der of lists) expect(trust.addRevocationList(der)).toBeUndefined();
  return trust;
}

function judge(chain: readonly Uint8Array[], policy: Partial<CertificatePolicy> = {}): CertificateJudgement {
  return judgeCertificate(chain, { nowMs: NOW, trust: trusting([root]), requireRevocationLists: false, ...policy });
}

const chainOf = (...certificates: Issued[]): Buffer[] => certificates.map(({ der }) => der);
/** A device's certificate by the root, with what is to be tried. */
const made = (options: Partial<Parameters<typeof issue>[0]>, by: Issued = root): Buffer[] => chainOf(issue({ subject: 'CN=d', ...options }, by));

function outcome(judgement: CertificateJudgement): string {
  return judgement.ok ? 'ok' : `${judgement.alert} ${judgement.reason}`;
}

describe('accepted', () => {
  test('a chain to a trust anchor: its key, digest and names (row B30)', () => {
    const judgement = judge(chainOf(device, middle));
    const independent = new X509Certificate(device.der);
    expect(judgement).toMatchObject({ ok: true, issuer: 'CN="middle"', subject: 'CN="urn:dev:1"', names: { alternative: ['dev-1.example', 'urn:imei:1'], common: ['urn:dev:1'] } });
    if (!judgement.ok) return;
    expect(judgement.spki.equals(independent.publicKey)).toBe(true);
    expect(Buffer.from(judgement.sha256).toString('hex')).toBe(independent.fingerprint256.replaceAll(':', '').toLowerCase());
  });

  test.each<[string, Buffer[], TrustStore?]>([
    ['with the anchor sent along', chainOf(device, middle, root)],
    ['with strangers and doubles between, in any order', chainOf(device, authority('CN=X'), middle, middle, issue({ subject: 'CN=Y' }, root))],
    ['to an anchor in between', chainOf(device), trusting([middle])],
    ['that is an anchor itself', chainOf(device), trusting([device])],
    ['without extensions', made({})],
    ['for any purpose', made({ purposes: ['2.5.29.37.0'] })],
    ['for clients and servers', made({ purposes: [SERVER_AUTH, CLIENT_AUTH] })],
    ['valid after 2050', made({ notAfter: new Date('2099-12-31T23:59:59Z') })],
    ['with a path of as many as are allowed', chainOf(issue({ subject: 'CN=d' }, middle), middle), trusting([authority('CN=Root,O=Example', { keys: root.keys, pathLength: 1 })])],
    ['with an extension that is not critical', made({ extensions: [['1.2.3.4', false, Buffer.of(5, 0)]] })],
    ['with policies', made({ extensions: [['2.5.29.32', true, tlv(0x30, tlv(0x30, oid('1.2.3')))]] })],
  ])('%s', (_, chain, trust = trusting([root])) => {
    expect(outcome(judge(chain, { trust }))).toBe('ok');
  });

  test.each(['rsa', 'ed25519', 'P-384'] as const)('by an authority with a key of %s', (kind) => {
    const keys = kind === 'rsa' ? generateKeyPairSync('rsa', { modulusLength: 2048 }) : kind === 'ed25519' ? generateKeyPairSync('ed25519') : ecKeys(kind);
    const other = authority('CN=Other', { keys });
    expect(outcome(judge(made({}, other), { trust: trusting([other]) }))).toBe('ok');
  });

  test('pinned by an operator, whoever issued it, while it is valid', () => {
    const own = authority('CN=self', { keyUsage: [0, 5] });
    expect(outcome(judge(chainOf(own), { pinned: true, trust: new TrustStore() }))).toBe('ok');
    expect(outcome(judge(chainOf(own), { trust: new TrustStore() }))).toBe('48 unknown-issuer');
    expect(outcome(judge(chainOf(own), { pinned: true, nowMs: END.getTime() + DAY }))).toBe('45 expired');
  });

  test('from its first second to its last', () => {
    expect(outcome(judge(chainOf(device, middle), { nowMs: START.getTime() }))).toBe('ok');
    expect(outcome(judge(chainOf(device, middle), { nowMs: START.getTime() - 1 }))).toBe('45 not-yet-valid');
    expect(outcome(judge(chainOf(device, middle), { nowMs: END.getTime() }))).toBe('ok');
    expect(outcome(judge(chainOf(device, middle), { nowMs: END.getTime() + 1_000 }))).toBe('45 expired');
  });

  test.each<[string, () => [chain: Buffer[], trust: TrustStore, pinned?: boolean]]>([
    ['the device’s own', () => [made({ notAfter: SOON }), trusting([root])]],
    ['an issuer in between', () => { const brief = issue({ subject: 'CN=Brief', ca: true, notAfter: SOON }, root); return [chainOf(issue({ subject: 'CN=d' }, brief), brief), trusting([root])]; }],
    ['the anchor', () => { const brief = authority('CN=Brief', { notAfter: SOON }); return [made({}, brief), trusting([brief])]; }],
    ['one that is an anchor itself', () => { const own = authority('CN=self', { keyUsage: [0, 5], notAfter: SOON }); return [chainOf(own), trusting([own])]; }],
    ['one that was pinned', () => [chainOf(authority('CN=self', { keyUsage: [0, 5], notAfter: SOON })), new TrustStore(), true]],
  ])('until the first of its path is over: %s', (_, make) => {
    const [chain, trust, pinned = false] = make();
    const judgement = judge(chain, { trust, pinned });
    const validUntilMs = judgement.ok ? judgement.validUntilMs : 0;
    expect(outcome(judge(chain, { trust, pinned, nowMs: validUntilMs - 1 }))).toBe('ok');
    expect(outcome(judge(chain, { trust, pinned, nowMs: validUntilMs }))).toBe('45 expired');
    expect(validUntilMs).toBe(SOON.getTime() + 1_000);
  });
});

// OMA Transport 1.1.1 §5.2.9: 42 to 46, 48 and 49 send a device to its bootstrap server.
describe('refused (rows B30, B37)', () => {
  const past = { notAfter: new Date(NOW - DAY) };
  const future = { notBefore: new Date(NOW + DAY) };
  const impostor = authority('CN=Root,O=Example');
  const plain = issue({ subject: 'CN=Plain', ca: false }, root);
  const noSigner = issue({ subject: 'CN=NoSigner', ca: true, keyUsage: [6] }, root);
  const expired = issue({ subject: 'CN=Expired', ca: true, ...past }, root);
  const flat = issue({ subject: 'CN=Flat', ca: true, pathLength: 0 }, root);
  const below = issue({ subject: 'CN=Below', ca: true }, flat);
  const constrained = issue({ subject: 'CN=Constrained', ca: true, extensions: [['2.5.29.30', false, tlv(0x30)]] }, root);
  const weak = issue({ subject: 'CN=Weak', ca: true, keys: generateKeyPairSync('rsa', { modulusLength: 1024 }) }, root);

  test.each<[string, Buffer[], string]>([
    ['no certificate', [], '40 none'],
    ['rubbish', [Buffer.from('rubbish')], '42 malformed'],
    ['a chain with rubbish', [device.der, Buffer.of(0x30, 0)], '42 malformed'],
    ['a byte behind it', [Buffer.concat([device.der, Buffer.of(0)])], '42 malformed'],
    ['seven certificates', Array.from({ length: 7 }, () => device.der), '42 too-many'],
    ['one of 9,000 bytes', made({ extensions: [['1.2.3.4', false, Buffer.alloc(9_000)]] }), '42 too-large'],
    ['24,000 bytes in all', Array.from({ length: 3 }, () => made({ extensions: [['1.2.3.4', false, Buffer.alloc(7_800)]] })[0]!), '42 too-large'],
    ['one signed by another with the issuer’s name', made({}, impostor), '42 bad-signature'],
    ['version 1', made({ version: 1 }), '43 unsupported'],
    ['a key of P-384', made({ keys: ecKeys('P-384') }), '43 unsupported-key'],
    ['a key of RSA', made({ keys: generateKeyPairSync('rsa', { modulusLength: 2048 }) }), '43 unsupported-key'],
    ['one that may not sign', made({ keyUsage: [2] }), '43 unsupported-use'],
    ['one for servers alone', made({ purposes: [SERVER_AUTH] }), '43 unsupported-use'],
    ['a critical extension that nobody knows', made({ extensions: [['1.2.3.4', true, Buffer.of(5, 0)]] }), '43 unsupported'],
    ['one that is over', made(past), '45 expired'],
    ['one that is still to come', made(future), '45 not-yet-valid'],
    ['an issuer that is over', chainOf(issue({ subject: 'CN=d' }, expired), expired), '45 expired'],
    ['an unknown issuer', chainOf(issue({ subject: 'CN=d' }, authority('CN=Stranger'))), '48 unknown-issuer'],
    ['an unknown issuer who comes along', (() => { const stranger = authority('CN=Stranger'); return chainOf(issue({ subject: 'CN=d' }, stranger), stranger); })(), '48 unknown-issuer'],
    ['an issuer in between that is missing', chainOf(device), '48 unknown-issuer'],
    ['an issuer who is none', chainOf(issue({ subject: 'CN=d' }, plain), plain), '48 issuer-not-allowed'],
    ['an issuer who may sign no certificates', chainOf(issue({ subject: 'CN=d' }, noSigner), noSigner), '48 issuer-not-allowed'],
    ['a path longer than allowed', chainOf(issue({ subject: 'CN=d' }, below), below, flat), '48 issuer-not-allowed'],
    ['an issuer with constraints on names', chainOf(issue({ subject: 'CN=d' }, constrained), constrained), '43 unsupported'],
    ['an issuer with a weak key', chainOf(issue({ subject: 'CN=d' }, weak), weak), '43 unsupported-key'],
  ])('%s', (_, chain, expected) => {
    expect(outcome(judge(chain))).toBe(expected);
  });

  test('a key on the curve’s twist', () => {
    const [der] = made({});
    const at = der!.indexOf(Buffer.from('03420004', 'hex')) + 4;
    const altered = Buffer.from(der!);
    altered[at + 63]! ^= 1;
    expect(outcome(judge([altered], { pinned: true }))).toBe('43 unsupported-key');
  });

  test('issuers in a circle, at a bounded cost', () => {
    const [a, b] = [ecKeys(), ecKeys()];
    const one = issue({ subject: 'CN=A', ca: true, keys: a }, { subject: 'CN=B', keys: b });
    const two = issue({ subject: 'CN=B', ca: true, keys: b }, { subject: 'CN=A', keys: a });
    expect(outcome(judge(chainOf(issue({ subject: 'CN=d' }, one), one, two)))).toBe('48 unknown-issuer');
    const many = Array.from({ length: 5 }, () => issue({ subject: 'CN=A', ca: true, keys: a }, { subject: 'CN=A', keys: a }));
    expect(outcome(judge(chainOf(issue({ subject: 'CN=d' }, one), ...many)))).toMatch(/^4[28] /);
  });

  test('alternative names with a NUL in them', () => {
    expect(outcome(judge(made({ dnsNames: ['a.example\0.evil'] })))).toBe('42 malformed');
  });
});

describe('revocation', () => {
  const direct = issue({ subject: 'CN=d' }, root);

  test('a revoked certificate is refused, others of its issuer are not', () => {
    const trust = trusting([root], [revocationList(root, [1, direct.serial, 0xffff])]);
    expect(outcome(judge(chainOf(direct), { trust }))).toBe('44 revoked');
    expect(outcome(judge(made({}), { trust }))).toBe('ok');
  });

  test('with a revoked issuer in between, all below it are refused', () => {
    const trust = trusting([root], [revocationList(root, [middle.serial])]);
    expect(outcome(judge(chainOf(device, middle), { trust }))).toBe('44 revoked');
  });

  test('a list that its issuer did not sign says nothing', () => {
    const other = authority('CN=Root,O=Example');
    expect(outcome(judge(chainOf(direct), { trust: trusting([root], [revocationList(other, [direct.serial])]) }))).toBe('ok');
  });

  test('an out-of-date list still revokes; where a current one is asked for it does not suffice', () => {
    const old = { nextUpdate: new Date(NOW - DAY) };
    const revoking = trusting([root], [revocationList(root, [direct.serial], old)]);
    expect(outcome(judge(chainOf(direct), { trust: revoking }))).toBe('44 revoked');
    const trust = trusting([root], [revocationList(root, [], old)]);
    expect(outcome(judge(chainOf(direct), { trust }))).toBe('ok');
    expect(outcome(judge(chainOf(direct), { trust, requireRevocationLists: true }))).toBe('46 revocation-unknown');
    const current = trusting([root], [revocationList(root, [])]);
    expect(outcome(judge(chainOf(direct), { trust: current, requireRevocationLists: true }))).toBe('ok');
    expect(outcome(judge(chainOf(device, middle), { trust: current, requireRevocationLists: true }))).toBe('46 revocation-unknown');
  });

  test('of a certificate that was accepted, or of one above it, is known from what was kept of the judgement', () => {
    const judgement = judge(chainOf(device, middle));
    const { issuances } = judgement.ok ? judgement : { issuances: undefined };
    const listed = (...lists: Buffer[]) => trusting([root], lists).revokes(issuances!);
    expect([listed(revocationList(middle, [device.serial])), listed(revocationList(root, [middle.serial]))]).toEqual([true, true]);
    expect([listed(), listed(revocationList(middle, [middle.serial]), revocationList(root, [device.serial]))]).toEqual([false, false]);
    expect(listed(revocationList(authority('CN=Root,O=Example'), [middle.serial]))).toBe(false);
    const pinned = judge(chainOf(device, middle), { pinned: true });
    expect(pinned).toMatchObject({ ok: true, issuances: { length: 0 } });
    for (const bytes of [Buffer.alloc(0), Buffer.of(1), Buffer.alloc(8), Buffer.alloc(9, 0xff)]) expect(trusting([root], [revocationList(root, [1])]).revokes(bytes)).toBe(false);
  });

  test('an anchor that vouched is missed once it is taken out, and found again when it is renewed', () => {
    const kept = (chain: Buffer[], policy: Partial<CertificatePolicy> = {}): Uint8Array => {
      const judgement = judge(chain, policy);
      return judgement.ok ? judgement.issuances : expect.fail(judgement.reason);
    };
    const other = authority('CN=Other');
    const renewed = authority('CN=Root,O=Example', { keys: root.keys });
    for (const issuances of [kept(chainOf(device, middle)), kept(chainOf(device, middle, root)), kept(made({}))]) {
      expect([[root], [root, other], [renewed], [other], []].map((anchors) => trusting(anchors).anchors(issuances))).toEqual([true, true, true, false, false]);
    }
    expect(trusting([other]).anchors(kept(chainOf(device, middle), { pinned: true }))).toBe(true);
  });

  test.each<[string, Buffer, RegExp]>([
    ['a delta list', revocationList(root, [], { extensions: [['2.5.29.27', true, Buffer.of(2, 1, 0)]] }), /not a complete list/],
    ['an indirect list', revocationList(root, [1], { entryExtensions: tlv(0x30, tlv(0x30, oid('2.5.29.29'), tlv(0x01, Buffer.of(0xff)), tlv(0x04, name('CN=x')))) }), /other issuers/],
    ['a certificate', root.der, /no revocation list/],
    ['rubbish', Buffer.of(1, 2, 3), /no revocation list/],
  ])('%s is not taken', (_, der, reason) => {
    expect(new TrustStore().addRevocationList(der)).toMatch(reason);
  });
});

describe('whatever is sent', () => {
  const trust = trusting([root]);
  const whole = chainOf(device, middle);

  test('an altered byte is refused or changes nothing that is signed, without an exception', () => {
    fc.assert(fc.property(fc.nat(1), fc.nat(), fc.integer({ min: 1, max: 255 }), (which, place, mask) => {
      const chain = whole.map((der) => Buffer.from(der));
      chain[which]![place % chain[which]!.length]! ^= mask;
      expect(judge(chain, { trust }).ok).toBe(false);
    }), { numRuns: 2_000 });
  });

  test('bytes put in, taken out or put elsewhere are judged without an exception', () => {
    const edit = fc.record({ at: fc.nat(), remove: fc.nat(20), insert: fc.uint8Array({ maxLength: 20 }) });
    fc.assert(fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), (edits) => {
      let der = Buffer.from(device.der);
      for (const { at, remove, insert } of edits) {
        const place = at % der.length;
        der = Buffer.concat([der.subarray(0, place), insert, der.subarray(place + remove)]);
      }
      describeCertificate(der);
      new TrustStore().addRevocationList(der);
      if (!der.equals(device.der)) expect(judge([der, middle.der], { trust }).ok).toBe(false);
    }), { numRuns: 2_000 });
  });
});
