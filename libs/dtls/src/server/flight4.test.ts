import { EMPTY_BYTES, hex, toHex } from '@cluster/bytes';
import { describe, expect, it } from 'vitest';
import { SERVER_CREDENTIAL, newKeyPair, newStore, newWorker } from '../../test/peers.ts';
import { ECDHE_EXTENSIONS, RawClient, alertIn, fragments, hello, serverHello } from '../../test/raw-client.ts';
import { alertClass } from '../alerts.ts';
import type { ClientHello } from '../messages/client-hello.ts';
import { ExtensionType, encodeServerName } from '../messages/extensions.ts';
import { HandshakeType } from '../messages/handshake.ts';
import type { DtlsServerOptions } from './options.ts';

const RPK_FIRST = hex('020200');
const PSK_CCM8 = 0xc0a8;
const ECDHE_CCM8 = 0xc0ae;
const extensions = (...entries: (readonly [number, Uint8Array])[]): Partial<ClientHello> => ({ extensions: new Map(entries) });
const ecdhe = (...entries: (readonly [number, Uint8Array])[]): Partial<ClientHello> => ({ cipherSuites: [ECDHE_CCM8], ...extensions(...ECDHE_EXTENSIONS, ...entries) });

function greet(fields: Partial<ClientHello>, options: Partial<DtlsServerOptions> = {}) {
  const worker = newWorker(newStore(), options);
  const datagrams = new RawClient(worker).greet(hello(fields));
  const messages = datagrams.flatMap(fragments).map(({ type }) => type);
  return { worker, datagrams, messages, answer: serverHello(datagrams), alert: alertIn(datagrams), refused: worker.of('refused')[0]?.reason };
}

describe('a ClientHello is refused', () => {
  it.each<[string, Partial<ClientHello>, Partial<DtlsServerOptions>, number, string]>([
    ['of DTLS 1.0 only', { version: 0xfeff }, {}, 70, 'protocol-version'],
    ['without null compression (row B7)', { compressionMethods: hex('01') }, {}, 47, 'malformed-hello'],
    ['without a suite of ours', { cipherSuites: [0x1301, 0xc02c] }, {}, 40, 'no-common-parameters'],
    ['with a suite that is switched off (row X6)', { cipherSuites: [0x00ae] }, { cipherSuites: [PSK_CCM8] }, 40, 'no-common-parameters'],
    ['for ECDHE without a group of ours (row B12)', { ...ecdhe(), extensions: new Map([...ecdhe().extensions!, [ExtensionType.SUPPORTED_GROUPS, hex('00020015')]]) }, {}, 40, 'no-common-parameters'],
    ['for ECDHE without ECDSA and SHA-256', { ...ecdhe(), extensions: new Map([...ecdhe().extensions!, [ExtensionType.SIGNATURE_ALGORITHMS, hex('00020401')]]) }, {}, 40, 'no-common-parameters'],
    ['for ECDHE without uncompressed points', ecdhe([ExtensionType.EC_POINT_FORMATS, hex('0101')]), {}, 40, 'no-common-parameters'],
    ['for ECDHE with no certificate type of ours', ecdhe([ExtensionType.CLIENT_CERTIFICATE_TYPE, hex('0101')]), {}, 40, 'no-common-parameters'],
    ['for ECDHE with a raw public key, where only certificates are taken', ecdhe([ExtensionType.CLIENT_CERTIFICATE_TYPE, hex('0102')]), { clientCredentials: ['x509'] }, 40, 'no-common-parameters'],
    ['for ECDHE where the server has no key', ecdhe(), { credentials: [] }, 40, 'no-common-parameters'],
    ['that renegotiates, RFC 5746 §3.6 (row B7)', extensions([ExtensionType.RENEGOTIATION_INFO, hex('0101')]), {}, 40, 'renegotiation'],
    ['with a malformed extension', extensions([ExtensionType.CONNECTION_ID, hex('0501')]), {}, 50, 'malformed-hello'],
    ['with a record_size_limit below 64 (RFC 8449 §4)', extensions([ExtensionType.RECORD_SIZE_LIMIT, hex('003f')]), {}, 47, 'malformed-hello'],
    ['with a max_fragment_length that is none (RFC 6066 §4)', extensions([ExtensionType.MAX_FRAGMENT_LENGTH, hex('05')]), {}, 47, 'malformed-hello'],
    ['with a flag that has a body', extensions([ExtensionType.EXTENDED_MASTER_SECRET, hex('00')]), {}, 50, 'malformed-hello'],
    ['with a name that is nobody’s, where that is asked for', extensions([ExtensionType.SERVER_NAME, encodeServerName('nobody')]), { unknownServerName: 'refuse' }, 112, 'unknown-server-name'],
  ])('%s', (_, fields, options, alert, reason) => {
    const result = greet(fields, options);
    expect([result.alert, result.refused]).toEqual([alert, reason]);
    expect(result.worker.server.usage).toMatchObject({ handshakes: 0, handshakeBytes: 0 });
    expect(result.worker.server.counters.refused[result.refused!]).toBe(1);
  });
});

describe('the suite', () => {
  it.each<[string, Partial<ClientHello>, Partial<DtlsServerOptions>, number]>([
    ['is the first of the server’s that is offered', { cipherSuites: [0x00ae, 0x00a8, PSK_CCM8] }, {}, PSK_CCM8],
    ['follows the settings', { cipherSuites: [PSK_CCM8, 0x00ae] }, { cipherSuites: [0x00ae, PSK_CCM8] }, 0x00ae],
    ['is one with PSK where both are offered: such a client has a key', { ...ecdhe(), cipherSuites: [ECDHE_CCM8, PSK_CCM8] }, {}, PSK_CCM8],
    ['is one with certificates where only that is offered', ecdhe(), {}, ECDHE_CCM8],
    ['passes over what the client’s extensions rule out', { cipherSuites: [ECDHE_CCM8, 0x00ae] }, {}, 0x00ae],
  ])('%s', (_, fields, options, suite) => {
    expect(greet(fields, options).answer?.cipherSuite).toBe(suite);
  });
});

describe('the ServerHello', () => {
  it.each<[string, Partial<ClientHello>, Record<number, string | RegExp>]>([
    ['has no extension that was not offered', {}, {}],
    ['answers renegotiation_info', extensions([ExtensionType.RENEGOTIATION_INFO, hex('00')]), { 0xff01: '00' }],
    ['answers its signalling suite', { cipherSuites: [PSK_CCM8, 0x00ff] }, { 0xff01: '00' }],
    ['answers extended_master_secret', extensions([23, EMPTY_BYTES]), { 23: '' }],
    ['answers encrypt_then_mac for CBC', { cipherSuites: [0x00ae], ...extensions([22, EMPTY_BYTES]) }, { 22: '' }],
    ['does not answer it for an AEAD (RFC 7366 §2)', extensions([22, EMPTY_BYTES]), {}],
    ['gives a Connection ID', extensions([54, hex('00')]), { 54: /^0e12/ }],
    ['promises a ticket', extensions([35, EMPTY_BYTES]), { 35: '' }],
    ['answers max_fragment_length', extensions([1, hex('02')]), { 1: '02' }],
    ['answers record_size_limit, and then not the older extension (RFC 8449 §5)', extensions([1, hex('02')], [28, hex('0100')]), { 28: '4000' }],
    ['answers the point formats and the name that chose a certificate', ecdhe([11, hex('0100')], [0, encodeServerName('server.example.com')]), { 11: '0100', 0: '' }],
    ['chooses the client’s first certificate types', ecdhe([19, RPK_FIRST], [20, RPK_FIRST]), { 19: '02', 20: '02' }],
    ['ignores what it does not know', extensions([0xfafa, hex('0102')]), {}],
  ])('%s', (_, fields, expected) => {
    const { answer } = greet(fields);
    const given = Object.fromEntries([...answer!.extensions].map(([type, body]) => [type, toHex(body)]));
    expect(Object.keys(given)).toEqual(Object.keys(expected));
    for (const [type, body] of Object.entries(expected)) expect(given[Number(type)]).toMatch(body instanceof RegExp ? body : new RegExp(`^${body}$`));
  });

  it('always has a session id, also for a client that sent none', () => {
    expect(greet({}).answer!.sessionId).toHaveLength(14);
  });
});

describe('the flight', () => {
  const { SERVER_HELLO, CERTIFICATE, SERVER_KEY_EXCHANGE, CERTIFICATE_REQUEST, SERVER_HELLO_DONE } = HandshakeType;

  it.each<[string, Partial<ClientHello>, number[]]>([
    ['of PSK', {}, [SERVER_HELLO, SERVER_HELLO_DONE]],
    ['of ECDHE_ECDSA', ecdhe([19, RPK_FIRST], [20, RPK_FIRST]), [SERVER_HELLO, CERTIFICATE, SERVER_KEY_EXCHANGE, CERTIFICATE_REQUEST, SERVER_HELLO_DONE]],
  ])('%s has these messages', (_, fields, messages) => {
    expect(greet(fields).messages).toEqual(messages);
  });

  it('has the certificate of the name that is asked for, or the first (row B33)', () => {
    const other = newKeyPair();
    const credentials = [SERVER_CREDENTIAL, { names: ['other'], chain: [hex('0a0b')], publicKey: other.spki, privateKey: other.privateKey }];
    const certificate = (name: string): string => {
      const { datagrams } = greet(ecdhe([0, encodeServerName(name)], [20, hex('0102')]), { credentials });
      return toHex(datagrams.flatMap(fragments).find(({ type }) => type === CERTIFICATE)!.bytes.subarray(3));
    };
    expect(certificate('other')).toBe(toHex(other.spki));
    expect(certificate('nobody')).toBe(toHex(SERVER_CREDENTIAL.publicKey));
  });

  it('has a raw public key of its own, where one is set; also without any certificate (row B26)', () => {
    const rawPublicKey = newKeyPair();
    for (const credentials of [[], [SERVER_CREDENTIAL]]) {
      const { datagrams } = greet(ecdhe([20, hex('0102')]), { credentials, rawPublicKey: { publicKey: rawPublicKey.spki, privateKey: rawPublicKey.privateKey } });
      expect(toHex(datagrams.flatMap(fragments).find(({ type }) => type === CERTIFICATE)!.bytes.subarray(3))).toBe(toHex(rawPublicKey.spki));
    }
  });

  it.each([256, 300, 576])('fits datagrams of %i bytes', (maxDatagramBytes) => {
    const { datagrams } = greet(ecdhe(), { maxDatagramBytes });
    expect(datagrams.length).toBeGreaterThan(2);
    expect(Math.max(...datagrams.map(({ length }) => length))).toBeLessThanOrEqual(maxDatagramBytes);
  });
});

describe('alerts, by OMA Transport 1.1.1 §5.2.9 (row B37)', () => {
  it.each([
    ['fail', [42, 43, 44, 45, 46, 48, 49, 112, 113, 114, 115]],
    ['retry', [0, 10, 20, 21, 22, 40, 47, 50, 51, 70, 71, 86, 90, 100, 111]],
    [undefined, [30, 41, 60, 80, 109, 110, 120]],
  ] as const)('%s', (expected, descriptions) => {
    expect(descriptions.map((description) => alertClass(description))).toEqual(descriptions.map(() => expected));
  });
});
