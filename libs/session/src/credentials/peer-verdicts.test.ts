/** Who a device is by what it shows in a handshake, and with which alert others are refused. OMA Transport 1.1.1 §5.2.6, §5.2.8, §5.2.9 */
import { startSignatureCheck, TrustStore, type Verdict } from '@cluster/dtls';
import { sha256 } from '@cluster/secrets';
import { authority, ecKeys, issue, revocationList, spkiOf } from '@cluster/dtls/testing/authority';
import { beforeEach, describe, expect, test } from 'vitest';
import { bindEndpoint, type CredentialDesk, PeerVerdicts } from '../index.ts';
import { CredentialWorld } from '../testing/credential-world.ts';

const root = authority('CN=Root,O=Example');
const KEY = 'a0'.repeat(16);

let world: CredentialWorld;
let desk: CredentialDesk;
let trust: TrustStore;
let refused: string[];
let verdicts: PeerVerdicts;

beforeEach(() => {
  world = new CredentialWorld();
  desk = world.desk();
  trust = new TrustStore();
  trust.addAnchor(root.der);
  refused = [];
  verdicts = new PeerVerdicts({
    lookup: world.lookup(), devices: world.devices, policy: () => ({ trust, requireRevocationLists: false }), refused: (reason) => void refused.push(reason),
    check: (check) => new Promise((checked) => startSignatureCheck(check, checked)),
  });
});

function outcome(verdict: Verdict): string {
  if (!verdict.ok) return `${verdict.alert} ${refused.at(-1)}`;
  const endpoint = [...world.numbers].find(([, number]) => number === verdict.deviceNumber)?.[0];
  return `${endpoint} v${verdict.credentialVersion}`;
}

const shown = async (...chain: Parameters<PeerVerdicts['x509']>[0]) => outcome(await verdicts.x509(chain, world.nowMs));
const made = (subject: string, options: Partial<Parameters<typeof issue>[0]> = {}, by = root) => issue({ subject, ...options }, by);
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

describe('a pre-shared key', () => {
  test('goes with its identity, and with no other', async () => {
    await desk.set('urn:a', { psk: { identity: 'id', keyHex: KEY } });
    expect(await verdicts.psk(Buffer.from('id'), world.nowMs)).toEqual({ deviceNumber: 'N0000000', credentialVersion: 1, key: Buffer.from(KEY, 'hex') });
    expect(refused).toEqual([]);
    for (const identity of ['', 'ID', 'id\0', 'x'.repeat(128)]) expect(await verdicts.psk(Buffer.from(identity), world.nowMs)).toBeUndefined();
    expect(refused).toEqual(Array.from({ length: 4 }, () => 'identity-unknown'));
  });
});

describe('a raw public key', () => {
  test('is the one that was stored (row B27)', async () => {
    const keys = ecKeys();
    await desk.set('urn:a', { rpk: { spkiBase64: spkiOf({ keys }).toString('base64') } });
    const verdict = await verdicts.rpk(spkiOf({ keys }), world.nowMs);
    expect(outcome(verdict)).toBe('urn:a v1');
    expect(verdict.ok && verdict.publicKey.equals(keys.publicKey)).toBe(true);
    expect(outcome(await verdicts.rpk(spkiOf({ keys: ecKeys() }), world.nowMs))).toBe('46 key-unknown');
    expect(outcome(await verdicts.rpk(spkiOf({ keys: ecKeys('P-384') }), world.nowMs))).toBe('43 key-malformed');
    expect(outcome(await verdicts.rpk(Buffer.from('rubbish'), world.nowMs))).toBe('43 key-malformed');
  });
});

describe('a certificate', () => {
  test('that an operator pinned counts whoever issued it (row B36)', async () => {
    const own = authority('CN=whatever', { keyUsage: [0] });
    expect(await shown(own.der)).toBe('48 unknown-issuer');
    await desk.set('urn:a', { x509: { sha256: hex(sha256(own.der)) } });
    expect(await shown(own.der)).toBe('urn:a v1');
    world.nowMs = Date.parse('2050-01-01');
    expect(await shown(own.der)).toBe('45 expired');
  });

  test('with an issuer and subject that an operator named counts if its issuer is trusted', async () => {
    await desk.set('urn:a', { x509: { issuer: 'CN=Root,O=Example', subject: 'CN=device 7' } });
    expect(await shown(made('CN=Device 7').der)).toBe('urn:a v1');
    expect(await shown(made('CN=Device 7', {}, authority('CN=Root,O=Example')).der)).toBe('42 bad-signature');
  });

  // Row B19: by equality
  test.each<[string, Parameters<typeof issue>[0], string]>([
    ['its common name', { subject: 'CN=dev-1' }, 'dev-1'],
    ['a URN before its common name', { subject: 'CN=Meter', dnsNames: ['meter.example'], uris: ['https://example', 'urn:imei:1'] }, 'urn:imei:1'],
    ['its common name before a host', { subject: 'CN=dev-1', dnsNames: ['meter.example'] }, 'dev-1'],
    ['a host alone', { subject: 'O=Example', dnsNames: ['meter.example'] }, 'meter.example'],
  ])('that no credential names stands for %s', async (_, options, endpoint) => {
    expect(await shown(issue(options, root).der)).toBe(`${endpoint} v0`);
    expect(world.numbers.has(endpoint)).toBe(true);
  });

  test('that names nobody is refused', async () => {
    expect(await shown(made('O=Example').der)).toBe('49 endpoint-none');
  });

  test('stands for no endpoint that has, or had, credentials; what it had begun ends then', async () => {
    expect(await shown(made('CN=urn:a').der)).toBe('urn:a v0');
    const number = world.numbers.get('urn:a')!;
    const live = async () => (await world.lookup().areLive([{ deviceNumber: number, credentialVersion: 0 }], world.nowMs))[0];
    expect(await live()).toBe(true);
    await desk.set('urn:a', { psk: { identity: 'id', keyHex: KEY } });
    expect([await live(), await shown(made('CN=urn:a').der)]).toEqual([false, '49 endpoint-has-credentials']);
    await desk.remove('urn:a', 'all');
    expect([await live(), await shown(made('CN=urn:a').der)]).toEqual([false, '49 endpoint-has-credentials']);
  });

  test('that its issuer revoked is refused, as soon as the list is known', async () => {
    const device = made('CN=urn:a');
    expect(await shown(device.der)).toBe('urn:a v0');
    trust.addRevocationList(revocationList(root, [device.serial]));
    expect(await shown(device.der)).toBe('44 revoked');
  });

  test('that is none is refused', async () => {
    expect([await shown(), await shown(Buffer.from('rubbish'))]).toEqual(['40 none', '42 malformed']);
  });
});

test('the endpoint name is that of the credential, or is left out (rows B19, B20)', () => {
  expect(bindEndpoint('urn:a', 'urn:a')).toEqual({ ok: true, endpoint: 'urn:a' });
  expect(bindEndpoint('urn:a', undefined)).toEqual({ ok: true, endpoint: 'urn:a' });
  for (const ep of ['urn:b', 'URN:A', '']) expect(bindEndpoint('urn:a', ep)).toEqual({ ok: false, reason: 'endpoint-differs' });
});
