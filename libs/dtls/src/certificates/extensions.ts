/** The extensions of a certificate (RFC 5280 §4.2) that decide about it. What is critical and not known here makes it unusable. */
import { booleanOf, contextTag, type Der, hasBit, oidText, primitiveContextTag, readAll, readWhole, smallInteger, Tag } from './der.ts';

export interface Extensions {
  /** basicConstraints: may it issue others, and how many below them. */
  readonly ca: boolean;
  readonly pathLength: number | undefined;
  /** keyUsage; undefined: for everything. */
  readonly keyUsage: { readonly digitalSignature: boolean; readonly keyCertSign: boolean; readonly crlSign: boolean } | undefined;
  /** extKeyUsage as OIDs; undefined: for everything. */
  readonly purposes: readonly string[] | undefined;
  /** DNS names and URIs of subjectAltName. */
  readonly alternativeNames: readonly string[];
  readonly subjectKeyId: Uint8Array | undefined;
  readonly authorityKeyId: Uint8Array | undefined;
  /** A critical extension that is not understood, or constraints on names: nobody may rely on the certificate. */
  readonly unsupported: string | undefined;
}

const MAX_EXTENSIONS = 32;
const MAX_NAMES = 64;

export interface RawExtension {
  readonly oid: string;
  readonly critical: boolean;
  readonly value: Uint8Array;
}

/** The content of `[n] EXPLICIT Extensions`. Undefined: malformed, or one stands twice. RFC 5280 §4.2 */
export function readExtensions(content: Uint8Array): RawExtension[] | undefined {
  const list = readWhole(content, Tag.sequence);
  const extensions = list && readAll(list.content, MAX_EXTENSIONS)?.map(readExtension);
  if (!extensions?.every((each) => each !== undefined)) return undefined;
  return new Set(extensions.map(({ oid }) => oid)).size === extensions.length ? extensions : undefined;
}

function readExtension(der: Der): RawExtension | undefined {
  const parts = der.tag === Tag.sequence ? readAll(der.content, 3) : undefined;
  if (parts === undefined || parts.length < 2) return undefined;
  const [id, value] = [parts[0]!, parts.at(-1)!];
  const critical = parts.length === 2 ? false : parts[1]!.tag === Tag.boolean ? booleanOf(parts[1]!.content) : undefined;
  const oid = id.tag === Tag.oid ? oidText(id.content) : undefined;
  if (oid === undefined || critical === undefined || value.tag !== Tag.octetString) return undefined;
  return { oid, critical, value: value.content };
}

type Mutable = { -readonly [K in keyof Extensions]: Extensions[K] };

/** Reads one extension into `into`; false: malformed. */
type Reader = (value: Uint8Array, into: Mutable) => boolean;

const NAME_CONSTRAINTS = '2.5.29.30';

const READERS: Readonly<Record<string, Reader>> = {
  '2.5.29.19': readBasicConstraints,
  '2.5.29.15': readKeyUsage,
  '2.5.29.37': readPurposes,
  '2.5.29.17': readAlternativeNames,
  '2.5.29.14': (value, into) => (into.subjectKeyId = readWhole(value, Tag.octetString)?.content) !== undefined,
  '2.5.29.35': readAuthorityKeyId,
  '2.5.29.32': () => true, // policies: any will do
};

/** What the extensions say; undefined: one is malformed. */
export function interpretExtensions(extensions: readonly RawExtension[]): Extensions | undefined {
  const into: Mutable = {
    ca: false, pathLength: undefined, keyUsage: undefined, purposes: undefined, alternativeNames: [], subjectKeyId: undefined,
    authorityKeyId: undefined, unsupported: undefined,
  };
  for (const { oid, critical, value } of extensions) {
    const read = READERS[oid];
    if (read === undefined) {
      if (critical || oid === NAME_CONSTRAINTS) into.unsupported = oid;
    } else if (!read(value, into)) return undefined;
  }
  return into;
}

/** RFC 5280 §4.2.1.9 */
function readBasicConstraints(value: Uint8Array, into: Mutable): boolean {
  const parts = readSequence(value, 2);
  if (parts === undefined) return false;
  const ca = parts[0]?.tag === Tag.boolean ? parts.shift() : undefined;
  const pathLength = parts[0]?.tag === Tag.integer ? parts.shift() : undefined;
  const isCa = ca === undefined ? false : booleanOf(ca.content);
  const length = pathLength === undefined ? undefined : smallInteger(pathLength.content);
  if (parts.length > 0 || isCa === undefined || (pathLength !== undefined && (length === undefined || !isCa))) return false;
  into.ca = isCa;
  into.pathLength = length;
  return true;
}

/** RFC 5280 §4.2.1.3 */
function readKeyUsage(value: Uint8Array, into: Mutable): boolean {
  const bits = readWhole(value, Tag.bitString)?.content;
  if (bits === undefined || bits.length < 1 || bits.length > 3 || bits[0]! > 7) return false;
  into.keyUsage = { digitalSignature: hasBit(bits, 0), keyCertSign: hasBit(bits, 5), crlSign: hasBit(bits, 6) };
  return true;
}

/** RFC 5280 §4.2.1.12 */
function readPurposes(value: Uint8Array, into: Mutable): boolean {
  const oids = readSequence(value, MAX_NAMES)?.map(({ tag, content }) => (tag === Tag.oid ? oidText(content) : undefined));
  if (!oids?.every((oid) => oid !== undefined) || oids.length === 0) return false;
  into.purposes = oids;
  return true;
}

/** RFC 5280 §4.2.1.6: names of other forms are no endpoint names. */
function readAlternativeNames(value: Uint8Array, into: Mutable): boolean {
  const names = readSequence(value, MAX_NAMES);
  if (names === undefined || names.length === 0) return false;
  const [dns, uri] = [primitiveContextTag(2), primitiveContextTag(6)];
  const texts = names.filter(({ tag }) => tag === dns || tag === uri).map(({ content }) => asciiText(content));
  if (!texts.every((text) => text !== undefined)) return false;
  into.alternativeNames = texts;
  return true;
}

/** RFC 5280 §4.2.1.1: the key's id alone. */
function readAuthorityKeyId(value: Uint8Array, into: Mutable): boolean {
  const parts = readSequence(value, 3);
  into.authorityKeyId = parts?.find(({ tag }) => tag === primitiveContextTag(0))?.content;
  return parts?.every(({ tag }) => [primitiveContextTag(0), contextTag(1), primitiveContextTag(2)].includes(tag)) ?? false;
}

function readSequence(value: Uint8Array, limit: number): Der[] | undefined {
  const whole = readWhole(value, Tag.sequence);
  return whole && readAll(whole.content, limit);
}

/** Printable ASCII: a name with a NUL in it has fooled others. */
function asciiText(content: Uint8Array): string | undefined {
  return content.length > 0 && content.every((byte) => byte >= 0x20 && byte < 0x7f) ? String.fromCharCode(...content.subarray(0, 1_024)) : undefined;
}
