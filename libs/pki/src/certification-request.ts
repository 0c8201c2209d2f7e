/**
 * Certification requests (PKCS #10, RFC 2986), parsed strictly: what a device asks a certificate for, and that it has the
 * private key. Whether it may have it is judged in `request-policy.ts`.
 */
import {
  contextTag, type Der, type Extensions, interpretExtensions, isSignedBy, type NameAttribute, oidText, parseName, parseSpki,
  primitiveContextTag, type PublicKeyInfo, type RawExtension, readAll, readExtensions, readSigned, readWhole, smallInteger, Tag,
} from '@cluster/dtls';
import { Oid } from './encoding.ts';

export interface CertificationRequest {
  readonly subject: readonly NameAttribute[];
  /** Of secp256r1. */
  readonly publicKey: PublicKeyInfo;
  /** What the certificate is asked to say. */
  readonly extensions: Extensions;
  /** OIDs of `extensions`. */
  readonly extensionTypes: readonly string[];
  /** Whether subjectAltName has names that are neither DNS names nor URIs. */
  readonly otherNames: boolean;
}

export type RequestFault =
  | 'too-large' | 'malformed' | 'unsupported-key' | 'bad-signature' | 'channel-binding-unsupported' | 'unsupported-attribute';

export const MAX_REQUEST_BYTES = 4_096;
const V1 = 0;
const MAX_ATTRIBUTES = 8;
const MAX_NAMES = 64;

/**
 * `proof`: whether the request has to be signed with the key that it names; where the server makes the key it is not
 * (RFC 7030 §4.4.1). Never throws.
 */
export function parseRequest(der: Uint8Array, { proof = true }: { proof?: boolean } = {}): CertificationRequest | RequestFault {
  if (der.length > MAX_REQUEST_BYTES) return 'too-large';
  const outer = readSigned(der);
  const [version, name, spki, attributes, ...more] = (outer && readAll(outer.body.content, 4)) ?? [];
  if (outer === undefined || version?.tag !== Tag.integer || smallInteger(version.content) !== V1 || more.length > 0) return 'malformed';
  const subject = name && parseName(name.bytes);
  if (subject === undefined || spki?.tag !== Tag.sequence) return 'malformed';
  const asked = readAttributes(attributes);
  if (typeof asked === 'string') return asked;
  const publicKey = parseSpki(spki.bytes);
  if (publicKey === undefined) return 'unsupported-key';
  if (proof && !isSignedBy(outer.signed, publicKey.key)) return 'bad-signature';
  return { subject, publicKey, ...asked };
}

type Asked = Pick<CertificationRequest, 'extensions' | 'extensionTypes' | 'otherNames'>;

/** Some leave `[0]` out where there are no attributes. */
function readAttributes(attributes: Der | undefined): Asked | RequestFault {
  if (attributes === undefined) return asked([]);
  const all = attributes.tag === contextTag(0) ? readAll(attributes.content, MAX_ATTRIBUTES)?.map(readAttribute) : undefined;
  if (!all?.every((each) => each !== undefined) || new Set(all.map(({ oid }) => oid)).size < all.length) return 'malformed';
  // RFC 7030 §3.5: whoever is asked to check it must, and the handshake's Finished is not kept.
  if (all.some(({ oid }) => oid === Oid.challengePassword)) return 'channel-binding-unsupported';
  if (all.some(({ oid }) => oid !== Oid.extensionRequest)) return 'unsupported-attribute';
  const request = all[0];
  if (request === undefined) return asked([]);
  const extensions = request.values.length === 1 ? readExtensions(request.values[0]!.bytes) : undefined;
  return extensions === undefined ? 'malformed' : asked(extensions);
}

function readAttribute(der: Der): { readonly oid: string; readonly values: readonly Der[] } | undefined {
  const [type, set, ...more] = (der.tag === Tag.sequence && readAll(der.content, 3)) || [];
  const oid = type?.tag === Tag.oid ? oidText(type.content) : undefined;
  const values = set?.tag === Tag.set ? readAll(set.content, MAX_ATTRIBUTES) : undefined;
  return oid === undefined || values === undefined || more.length > 0 ? undefined : { oid, values };
}

function asked(raw: readonly RawExtension[]): Asked | RequestFault {
  const extensions = interpretExtensions(raw);
  if (extensions === undefined) return 'malformed';
  const names = raw.find(({ oid }) => oid === Oid.subjectAltName);
  return { extensions, extensionTypes: raw.map(({ oid }) => oid), otherNames: names !== undefined && hasOtherNames(names.value) };
}

function hasOtherNames(value: Uint8Array): boolean {
  const names = readWhole(value, Tag.sequence);
  const known = [primitiveContextTag(2), primitiveContextTag(6)];
  return !(names && readAll(names.content, MAX_NAMES))?.every(({ tag }) => known.includes(tag));
}
