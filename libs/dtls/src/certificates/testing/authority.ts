/** A certification authority for tests: issues certificates and revocation lists, also wrong ones, in DER of its own making. */
import { Buffer } from 'node:buffer';
import { createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

export interface KeyPair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

export interface CertificateOptions {
  readonly subject: string;
  readonly keys?: KeyPair;
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  readonly ca?: boolean;
  readonly pathLength?: number;
  /** Bits of keyUsage, e.g. [0] for digitalSignature. */
  readonly keyUsage?: readonly number[];
  readonly purposes?: readonly string[];
  readonly dnsNames?: readonly string[];
  readonly uris?: readonly string[];
  /** Further extensions: OID, critical, content. */
  readonly extensions?: readonly (readonly [oid: string, critical: boolean, value: Buffer])[];
  readonly version?: 1 | 3;
  readonly serial?: number;
}

/** What was issued, with the keys of its holder, who may issue in turn. */
export interface Issued {
  readonly der: Buffer;
  readonly keys: KeyPair;
  readonly subject: string;
  readonly serial: number;
}

export const START = new Date('2026-01-01T00:00:00Z');
export const END = new Date('2036-01-01T00:00:00Z');
let lastSerial = 0x1000;

export function ecKeys(namedCurve = 'P-256'): KeyPair {
  return generateKeyPairSync('ec', { namedCurve });
}

/** A self-signed authority. */
export function authority(subject: string, options: Partial<CertificateOptions> = {}): Issued {
  const keys = options.keys ?? ecKeys();
  return issue({ subject, keys, ca: true, keyUsage: [5, 6], ...options }, { subject, keys });
}

export function issue(options: CertificateOptions, by: Pick<Issued, 'subject' | 'keys'>): Issued {
  const keys = options.keys ?? ecKeys();
  const serial = options.serial ?? ++lastSerial;
  const body = tlv(0x30,
    ...(options.version === 1 ? [] : [tlv(0xa0, integer(2))]), integer(serial), algorithmOf(by.keys), name(by.subject),
    tlv(0x30, time(options.notBefore ?? START), time(options.notAfter ?? END)), name(options.subject),
    keys.publicKey.export({ format: 'der', type: 'spki' }),
    ...(options.version === 1 ? [] : extensionsOf(options)),
  );
  return { der: signed(body, by.keys), keys, subject: options.subject, serial };
}

export interface RevocationOptions {
  readonly thisUpdate?: Date;
  readonly nextUpdate?: Date;
  readonly extensions?: readonly (readonly [oid: string, critical: boolean, value: Buffer])[];
  readonly entryExtensions?: Buffer;
}

export function revocationList(by: Pick<Issued, 'subject' | 'keys'>, serials: readonly number[], options: RevocationOptions = {}): Buffer {
  const entries = serials.map((serial) => tlv(0x30, integer(serial), time(START), ...(options.entryExtensions ? [options.entryExtensions] : [])));
  const list = tlv(0x30, integer(1), algorithmOf(by.keys), name(by.subject), time(options.thisUpdate ?? START), time(options.nextUpdate ?? END),
    ...(entries.length > 0 ? [tlv(0x30, ...entries)] : []),
    ...(options.extensions ? [tlv(0xa0, tlv(0x30, ...options.extensions.map(extension)))] : []),
  );
  return signed(list, by.keys);
}

export function tlv(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const head = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : length < 0x10000 ? [0x82, length >> 8, length & 0xff] : [0x83, length >> 16, (length >> 8) & 0xff, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...head]), content]);
}

export function integer(value: number): Buffer {
  const hex = value.toString(16);
  const bytes = Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex');
  return tlv(0x02, bytes[0]! >= 0x80 ? Buffer.concat([Buffer.of(0), bytes]) : bytes);
}

export function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const bytes = [first * 40 + second, ...rest].flatMap((arc) => {
    const septets = [arc & 0x7f];
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) septets.unshift((left & 0x7f) | 0x80);
    return septets;
  });
  return tlv(0x06, Buffer.from(bytes));
}

function time(date: Date): Buffer {
  const text = date.toISOString().replaceAll(/[-:T]|\.\d+/g, '');
  return date.getUTCFullYear() < 2050 ? tlv(0x17, Buffer.from(text.slice(2))) : tlv(0x18, Buffer.from(text));
}

const TYPES: Readonly<Record<string, string>> = { CN: '2.5.4.3', O: '2.5.4.10', C: '2.5.4.6' };

/** `CN=a,O=b`, in this order. */
export function name(text: string): Buffer {
  const sets = text.split(',').filter((part) => part !== '').map((part) => {
    const [type = '', value = ''] = part.split('=');
    return tlv(0x31, tlv(0x30, oid(TYPES[type]!), tlv(0x0c, Buffer.from(value))));
  });
  return tlv(0x30, ...sets);
}

function bits(numbers: readonly number[]): Buffer {
  const byte = numbers.reduce((all, n) => all | (0x80 >> n), 0);
  return tlv(0x03, Buffer.of(0, byte));
}

function extension([id, critical, value]: readonly [string, boolean, Buffer]): Buffer {
  return tlv(0x30, oid(id), ...(critical ? [tlv(0x01, Buffer.of(0xff))] : []), tlv(0x04, value));
}

function extensionsOf({ ca, pathLength, keyUsage, purposes, dnsNames = [], uris = [], extensions = [] }: CertificateOptions): Buffer[] {
  const alternatives = [...dnsNames.map((each) => tlv(0x82, Buffer.from(each))), ...uris.map((each) => tlv(0x86, Buffer.from(each)))];
  const all: (readonly [string, boolean, Buffer])[] = [
    ...(ca === undefined ? [] : [['2.5.29.19', true, tlv(0x30, ...(ca ? [tlv(0x01, Buffer.of(0xff))] : []), ...(pathLength === undefined ? [] : [integer(pathLength)]))] as const]),
    ...(keyUsage === undefined ? [] : [['2.5.29.15', true, bits(keyUsage)] as const]),
    ...(purposes === undefined ? [] : [['2.5.29.37', false, tlv(0x30, ...purposes.map(oid))] as const]),
    ...(alternatives.length === 0 ? [] : [['2.5.29.17', false, tlv(0x30, ...alternatives)] as const]),
    ...extensions,
  ];
  return all.length === 0 ? [] : [tlv(0xa3, tlv(0x30, ...all.map(extension)))];
}

function algorithmOf({ privateKey }: KeyPair): Buffer {
  if (privateKey.asymmetricKeyType === 'rsa') return tlv(0x30, oid('1.2.840.113549.1.1.11'), tlv(0x05));
  return privateKey.asymmetricKeyType === 'ed25519' ? tlv(0x30, oid('1.3.101.112')) : tlv(0x30, oid('1.2.840.10045.4.3.2'));
}

function signed(body: Buffer, keys: KeyPair): Buffer {
  const signature = sign(keys.privateKey.asymmetricKeyType === 'ed25519' ? null : 'sha256', body, keys.privateKey);
  return tlv(0x30, body, algorithmOf(keys), tlv(0x03, Buffer.of(0), signature));
}

/** The public half of what was issued, as a raw public key. */
export function spkiOf({ keys }: Pick<Issued, 'keys'>): Buffer {
  return createPublicKey(keys.privateKey).export({ format: 'der', type: 'spki' });
}

/** PEM of certificates (or, with another label, of anything). RFC 7468 */
export function pem(ders: readonly Uint8Array[], label = 'CERTIFICATE'): string {
  return ders.map((der) => `-----BEGIN ${label}-----\n${Buffer.from(der).toString('base64').replaceAll(/(.{64})(?=.)/g, '$1\n')}\n-----END ${label}-----\n`).join('');
}

/** PEM of a private key. */
export function privatePem({ keys }: Pick<Issued, 'keys'>): string {
  return keys.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
}
