import { EMPTY_BYTES, hex } from '@cluster/bytes';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeCertificateChain, decodeCertificateRequest, decodeRawPublicKey, encodeCertificateChain, encodeCertificateRequest } from './certificates.ts';
import { decodeClientHello, decodeClientHelloPrefix, decodeHelloVerifyRequest, encodeClientHello, encodeHelloVerifyRequest } from './client-hello.ts';
import {
  decodeConnectionId,
  decodeMaxFragmentLength,
  decodeRecordSizeLimit,
  decodeServerName,
  decodeUint16Vector,
  decodeUint8Vector,
  encodeMaxFragmentLength,
  encodeServerName,
} from './extensions.ts';
import { decodeFragments, encodeFragment } from './handshake.ts';
import { decodeEcdheClientKeyExchange, decodeEcdheServerKeyExchange, decodePskIdentity, encodeEcdheServerKeyExchange } from './key-exchange.ts';
import { decodeNewSessionTicket, decodeServerHello, encodeNewSessionTicket, encodeServerHello } from './server-hello.ts';

const RANDOM = '11'.repeat(32);
const PREFIX = `fefd${RANDOM}0000`;

describe('a ClientHello', () => {
  it.each([
    ['without extensions', `${PREFIX}0002c0a80100`, new Map()],
    ['with an empty block of them', `${PREFIX}0002c0a801000000`, new Map()],
    ['with a Connection ID (RFC 9146 §3)', `${PREFIX}0002c0a8010000050036000100`, new Map([[54, hex('00')]])],
  ])('%s is read', (_, text, extensions) => {
    expect(decodeClientHello(hex(text))).toEqual({
      version: 0xfefd,
      random: hex(RANDOM),
      sessionId: EMPTY_BYTES,
      cookie: EMPTY_BYTES,
      cipherSuites: [0xc0a8],
      compressionMethods: hex('00'),
      extensions,
    });
  });

  it.each([
    ['no cipher suites', `${PREFIX}00000100`],
    ['half a cipher suite', `${PREFIX}0003c0a8000100`],
    ['no compression methods', `${PREFIX}0002c0a800`],
    ['a session id of 33 bytes', `fefd${RANDOM}21${'00'.repeat(33)}000002c0a80100`],
    ['an extension twice', `${PREFIX}0002c0a801000008001600000016 0000`.replaceAll(' ', '')],
    ['an extension cut short', `${PREFIX}0002c0a80100000400160001`],
    ['bytes after the extensions', `${PREFIX}0002c0a80100000000`],
    ['a block longer than the message', `${PREFIX}0002c0a801000009`],
  ])('with %s is refused', (_, text) => {
    expect(decodeClientHello(hex(text))).toBeUndefined();
  });

  it('shows its cookie from the first fragment, but not before that', () => {
    const whole = hex(`fefd${RANDOM}02aabb03010203${'0002c0a80100'}`);
    expect(decodeClientHelloPrefix(whole.subarray(0, 2 + 32 + 3 + 4))).toMatchObject({ cookie: hex('010203'), sessionId: hex('aabb') });
    expect(decodeClientHelloPrefix(whole.subarray(0, 2 + 32 + 3 + 3))).toBeUndefined();
  });

  const hellos = fc.record({
    version: fc.constantFrom(0xfefd, 0xfeff),
    random: fc.uint8Array({ minLength: 32, maxLength: 32 }),
    sessionId: fc.uint8Array({ maxLength: 32 }),
    cookie: fc.uint8Array({ maxLength: 255 }),
    cipherSuites: fc.array(fc.nat(0xffff), { minLength: 1, maxLength: 20 }),
    compressionMethods: fc.uint8Array({ minLength: 1, maxLength: 3 }),
    extensions: fc.dictionary(fc.nat(0xffff).map(String), fc.uint8Array({ maxLength: 40 }), { maxKeys: 5 }).map((all) => new Map(Object.entries(all).map(([type, body]) => [Number(type), body]))),
  });

  it('comes back as it was written', () => {
    fc.assert(fc.property(hellos, (hello) => { expect(decodeClientHello(encodeClientHello(hello))).toEqual(hello); }));
  });

  it('cut anywhere before its extensions is none', () => {
    fc.assert(
      fc.property(hellos, fc.nat(), (hello, at) => {
        const encoded = encodeClientHello({ ...hello, extensions: new Map() });
        expect(decodeClientHello(encoded.subarray(0, at % encoded.length))).toBeUndefined();
      }),
    );
  });
});

describe('handshake fragments', () => {
  const header = (length: string, offset: string, size: string): string => `01${length}0000${offset}${size}`;

  it.each([
    ['that reach beyond their message', `${header('000004', '000003', '000002')}0102`],
    ['of nothing, of a message that has a body', header('000004', '000000', '000000')],
    ['cut short', `${header('000004', '000000', '000004')}010203`],
    ['without a header', '01'],
    ['that are none', ''],
  ])('%s are refused', (_, text) => {
    expect(decodeFragments(hex(text))).toBeUndefined();
  });

  it('come back as they were written, several in one record', () => {
    const fragments = fc.record({ type: fc.nat(255), sequence: fc.nat(0xffff), before: fc.nat(50), bytes: fc.uint8Array({ minLength: 1, maxLength: 50 }), after: fc.nat(50) });
    fc.assert(
      fc.property(fc.array(fragments, { minLength: 1, maxLength: 4 }), (parts) => {
        const all = parts.map(({ type, sequence, before, bytes, after }) => ({ type, sequence, length: before + bytes.length + after, offset: before, bytes }));
        expect(decodeFragments(Uint8Array.from(all.flatMap((each) => [...encodeFragment(each)])))).toEqual(all);
      }),
    );
  });
});

describe('extensions', () => {
  it.each<[string, unknown, unknown]>([
    ['a server name', decodeServerName(encodeServerName('Server.Example.com')), 'server.example.com'],
    ['a server name with two names', decodeServerName(hex('000800000161000001 62'.replaceAll(' ', ''))), undefined],
    ['a server name of another type', decodeServerName(hex('00040100 0161'.replaceAll(' ', ''))), undefined],
    ['a server name of no characters', decodeServerName(hex('0003000000')), undefined],
    ['a maximum fragment length', decodeMaxFragmentLength(encodeMaxFragmentLength(512)), 512],
    ['a maximum fragment length that is none', decodeMaxFragmentLength(hex('05')), undefined],
    ['a record size limit', decodeRecordSizeLimit(hex('0040')), 64],
    ['a record size limit too small (RFC 8449 §4)', decodeRecordSizeLimit(hex('003f')), undefined],
    ['a Connection ID', decodeConnectionId(hex('020a0b')), hex('0a0b')],
    ['a Connection ID with a byte too many', decodeConnectionId(hex('010a0b')), undefined],
    ['groups', decodeUint16Vector(hex('00040017001d')), [23, 29]],
    ['groups and a half', decodeUint16Vector(hex('0003001700')), undefined],
    ['no groups', decodeUint16Vector(hex('0000')), undefined],
    ['no point formats', decodeUint8Vector(hex('00')), undefined],
  ])('%s', (_, decoded, expected) => {
    expect(decoded).toEqual(expected);
  });
});

describe('other messages', () => {
  it.each<[string, unknown, unknown]>([
    ['HelloVerifyRequest', decodeHelloVerifyRequest(encodeHelloVerifyRequest({ version: 0xfeff, cookie: hex('0102') })), { version: 0xfeff, cookie: hex('0102') }],
    ['HelloVerifyRequest with a byte too many', decodeHelloVerifyRequest(hex('feff010203')), undefined],
    ['a chain', decodeCertificateChain(encodeCertificateChain([hex('0102'), hex('03')])), [hex('0102'), hex('03')]],
    ['an empty chain', decodeCertificateChain(hex('000000')), []],
    ['a chain with an empty certificate', decodeCertificateChain(hex('000003000000')), undefined],
    ['a chain of nine', decodeCertificateChain(encodeCertificateChain(Array.from({ length: 9 }, () => hex('01')))), undefined],
    ['a raw public key', decodeRawPublicKey(hex('0000020102')), hex('0102')],
    ['a request', decodeCertificateRequest(encodeCertificateRequest([hex('3000')])), { acceptable: true }],
    ['a request for RSA', decodeCertificateRequest(hex('0101000204010000')), { acceptable: false }],
    ['an EC point', decodeEcdheClientKeyExchange(hex('020405')), hex('0405')],
    ['no EC point', decodeEcdheClientKeyExchange(hex('00')), undefined],
    ['a server key exchange', decodeEcdheServerKeyExchange(encodeEcdheServerKeyExchange({ group: 23, point: hex('04'), signature: hex('30') })), { group: 23, point: hex('04'), signature: hex('30') }],
    ['a server key exchange with an explicit curve', decodeEcdheServerKeyExchange(hex('010017010404030001 30'.replaceAll(' ', ''))), undefined],
    ['a PSK identity of any bytes', decodePskIdentity(hex('0003ff00fe')), hex('ff00fe')],
    ['a PSK identity cut short', decodePskIdentity(hex('0003ff00')), undefined],
    ['a ticket', decodeNewSessionTicket(encodeNewSessionTicket({ lifetimeS: 3_600, ticket: hex('0102') })), { lifetimeS: 3_600, ticket: hex('0102') }],
  ])('%s', (_, decoded, expected) => {
    expect(decoded).toEqual(expected);
  });

  it('ServerHello comes back, and is refused with compression', () => {
    const hello = { version: 0xfefd, random: hex(RANDOM), sessionId: hex('0102'), cipherSuite: 0xc0a8, extensions: new Map([[23, EMPTY_BYTES]]) };
    const encoded = encodeServerHello(hello);
    expect(decodeServerHello(encoded)).toEqual(hello);
    encoded[39] = 1;
    expect(decodeServerHello(encoded)).toBeUndefined();
  });

  it('of any bytes are refused or read, without an exception', () => {
    const decoders = [decodeClientHello, decodeClientHelloPrefix, decodeHelloVerifyRequest, decodeServerHello, decodeNewSessionTicket, decodeFragments, decodeCertificateChain, decodeCertificateRequest, decodeRawPublicKey, decodeEcdheServerKeyExchange, decodeEcdheClientKeyExchange, decodePskIdentity, decodeServerName, decodeMaxFragmentLength, decodeRecordSizeLimit, decodeConnectionId, decodeUint16Vector, decodeUint8Vector];
    fc.assert(fc.property(fc.uint8Array({ maxLength: 120 }), (bytes) => { for (const decode of decoders) decode(bytes); }));
  });
});
