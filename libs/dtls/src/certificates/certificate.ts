/** X.509 v3 certificates (RFC 5280 §4.1), parsed strictly. Nothing is verified here. */
import { equalBytes } from '@cluster/bytes';
import { createHash } from '../crypto.ts';
import { contextTag, type Der, isInteger, oidText, primitiveContextTag, readAll, readWhole, smallInteger, Tag, timeMs, wholeBits } from './der.ts';
import { type Extensions, interpretExtensions, readExtensions } from './extensions.ts';
import { canonicalName, parseName } from './names.ts';

export interface Certificate {
  readonly der: Uint8Array;
  readonly sha256: Uint8Array;
  /** Content of the INTEGER. */
  readonly serial: Uint8Array;
  /** Names in canonical form; `commonNames` as they stand in the subject. */
  readonly issuer: string;
  readonly subject: string;
  readonly subjectDer: Uint8Array;
  readonly commonNames: readonly string[];
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** SubjectPublicKeyInfo. */
  readonly spki: Uint8Array;
  readonly extensions: Extensions;
  readonly signed: Signed;
}

/** What an issuer signed: a certificate, or a revocation list. */
export interface Signed {
  readonly content: Uint8Array;
  /** OID of the signature's algorithm. */
  readonly algorithm: string;
  readonly signature: Uint8Array;
}

export type CertificateFault = 'malformed' | 'too-large' | 'not-v3';

export const MAX_CERTIFICATE_BYTES = 8_192;
const V3 = 2;
const MAX_SERIAL_BYTES = 21;

export function parseCertificate(der: Uint8Array): Certificate | CertificateFault {
  if (der.length > MAX_CERTIFICATE_BYTES) return 'too-large';
  const outer = readSigned(der);
  if (outer === undefined) return 'malformed';
  const parts = readAll(outer.body.content, 10) ?? [];
  const version = parts[0]?.tag === contextTag(0) ? readWhole(parts.shift()!.content, Tag.integer) : undefined;
  if (version === undefined || smallInteger(version.content) !== V3) return parts.length < 6 ? 'malformed' : 'not-v3';
  const [serial, algorithm, issuer, validity, subject, spki, ...rest] = parts;
  if (serial?.tag !== Tag.integer || !isInteger(serial.content) || serial.content.length > MAX_SERIAL_BYTES) return 'malformed';
  if (algorithm === undefined || !equalBytes(algorithm.bytes, outer.algorithm.bytes)) return 'malformed'; // RFC 5280 §4.1.1.2
  if (issuer === undefined || validity === undefined || subject === undefined || spki?.tag !== Tag.sequence) return 'malformed';
  const names = { issuer: parseName(issuer.bytes), subject: parseName(subject.bytes) };
  const times = readValidity(validity);
  const extensions = readRest(rest);
  if (names.issuer === undefined || names.subject === undefined || times === undefined || extensions === undefined) return 'malformed';
  return {
    der,
    sha256: createHash('sha256').update(der).digest(),
    serial: serial.content,
    issuer: canonicalName(names.issuer),
    subject: canonicalName(names.subject),
    subjectDer: subject.bytes,
    commonNames: names.subject.filter(({ type }) => type === 'CN').map(({ value }) => value),
    ...times,
    spki: spki.bytes,
    extensions,
    signed: outer.signed,
  };
}

/** SEQUENCE { what is signed, algorithm, signature }: the outer form of certificates and revocation lists. */
export function readSigned(der: Uint8Array, bodyLimit = 3): { body: Der; algorithm: Der; signed: Signed } | undefined {
  const whole = readWhole(der, Tag.sequence);
  const [body, algorithm, signature, ...rest] = (whole && readAll(whole.content, bodyLimit)) ?? [];
  if (body?.tag !== Tag.sequence || algorithm?.tag !== Tag.sequence || signature?.tag !== Tag.bitString || rest.length > 0) return undefined;
  const [id] = readAll(algorithm.content, 2) ?? [];
  const oid = id?.tag === Tag.oid ? oidText(id.content) : undefined;
  const bits = wholeBits(signature.content);
  if (oid === undefined || bits === undefined) return undefined;
  return { body, algorithm, signed: { content: body.bytes, algorithm: oid, signature: bits } };
}

function readValidity(validity: Der): { notBeforeMs: number; notAfterMs: number } | undefined {
  const [from, to, ...rest] = (validity.tag === Tag.sequence && readAll(validity.content, 2)) || [];
  if (from === undefined || to === undefined || rest.length > 0) return undefined;
  const [notBeforeMs, notAfterMs] = [timeMs(from), timeMs(to)];
  return notBeforeMs === undefined || notAfterMs === undefined ? undefined : { notBeforeMs, notAfterMs };
}

/** issuerUniqueID and subjectUniqueID say nothing to us; extensions come last. */
function readRest(rest: Der[]): Extensions | undefined {
  if (rest[0]?.tag === primitiveContextTag(1)) rest.shift();
  if (rest[0]?.tag === primitiveContextTag(2)) rest.shift();
  const [last, ...more] = rest;
  if (last === undefined) return interpretExtensions([]);
  const extensions = last.tag === contextTag(3) && more.length === 0 ? readExtensions(last.content) : undefined;
  return extensions && interpretExtensions(extensions);
}

/** The names of its holder: DNS names and URIs of subjectAltName, and common names of the subject. */
export interface HolderNames {
  readonly alternative: readonly string[];
  readonly common: readonly string[];
}

export function holderNames({ extensions, commonNames }: Certificate): HolderNames {
  return { alternative: extensions.alternativeNames, common: commonNames };
}
