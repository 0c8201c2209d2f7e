/**
 * DER as far as certificates and revocation lists need it (X.690 §8 and §10). Strict: definite and shortest lengths, tags
 * below 31, and nothing is copied. Every function gives `undefined` for bytes that are none.
 */

/** One element. `bytes` is all of it, `content` what is inside; both are views of the input. */
export interface Der {
  readonly tag: number;
  readonly content: Uint8Array;
  readonly bytes: Uint8Array;
}

export const Tag = {
  boolean: 0x01, integer: 0x02, bitString: 0x03, octetString: 0x04, oid: 0x06, enumerated: 0x0a, utf8String: 0x0c,
  numericString: 0x12, printableString: 0x13, teletexString: 0x14, ia5String: 0x16, utcTime: 0x17, generalizedTime: 0x18,
  universalString: 0x1c, bmpString: 0x1e, sequence: 0x30, set: 0x31,
} as const;

/** The tag of a constructed element of context-specific class, `[n]`. */
export function contextTag(n: number): number {
  return 0xa0 | n;
}

/** The tag of a primitive element of context-specific class, `[n] IMPLICIT`. */
export function primitiveContextTag(n: number): number {
  return 0x80 | n;
}

const MAX_LENGTH_BYTES = 3;

/** The element that begins at `at`. */
function readDer(bytes: Uint8Array, at = 0): Der | undefined {
  const tag = bytes[at];
  const first = bytes[at + 1];
  if (tag === undefined || first === undefined || (tag & 0x1f) === 0x1f) return undefined;
  let [length, start] = [first, at + 2];
  if (first >= 0x80) {
    const count = first & 0x7f;
    if (count === 0 || count > MAX_LENGTH_BYTES || start + count > bytes.length) return undefined;
    length = 0;
    for (let i = 0; i < count; i++) length = length * 256 + bytes[start + i]!;
    start += count;
    // X.690 §10.1: the shortest form.
    if (length < 0x80 || (count > 1 && length < 256 ** (count - 1))) return undefined;
  }
  const end = start + length;
  return end > bytes.length ? undefined : { tag, content: bytes.subarray(start, end), bytes: bytes.subarray(at, end) };
}

/** The one element that all of `bytes` is. */
export function readWhole(bytes: Uint8Array, tag: number): Der | undefined {
  const der = readDer(bytes);
  return der !== undefined && der.tag === tag && der.bytes.length === bytes.length ? der : undefined;
}

/** The elements side by side in `bytes`, at most `limit`. */
export function readAll(bytes: Uint8Array, limit: number): Der[] | undefined {
  const elements: Der[] = [];
  for (let at = 0; at < bytes.length; ) {
    const der = readDer(bytes, at);
    if (der === undefined || elements.length === limit) return undefined;
    elements.push(der);
    at += der.bytes.length;
  }
  return elements;
}

/** Content of an OBJECT IDENTIFIER in dotted form. X.690 §8.19 */
export function oidText(content: Uint8Array): string | undefined {
  const last = content.at(-1);
  if (last === undefined || last >= 0x80 || content.length > 32) return undefined;
  const arcs: bigint[] = [];
  let arc = 0n;
  let begins = true;
  for (const byte of content) {
    if (begins && byte === 0x80) return undefined;
    arc = (arc << 7n) | BigInt(byte & 0x7f);
    begins = byte < 0x80;
    if (!begins) continue;
    arcs.push(arc);
    arc = 0n;
  }
  const head = arcs[0]!;
  const root = head < 80n ? head / 40n : 2n;
  return [root, head - root * 40n, ...arcs.slice(1)].join('.');
}

/** Content of a BIT STRING whose bits fill whole bytes. */
export function wholeBits(content: Uint8Array): Uint8Array | undefined {
  return content[0] === 0 ? content.subarray(1) : undefined;
}

/** Content of a BIT STRING of named flags (X.680 §22.7): whether bit `n` is set. */
export function hasBit(content: Uint8Array, n: number): boolean {
  return ((content[1 + (n >> 3)] ?? 0) & (0x80 >> (n & 7))) !== 0;
}

/** Content of a BOOLEAN. X.690 §11.1 */
export function booleanOf(content: Uint8Array): boolean | undefined {
  if (content.length !== 1 || (content[0] !== 0 && content[0] !== 0xff)) return undefined;
  return content[0] === 0xff;
}

/** Content of an INTEGER from 0 to 2^31 - 1. */
export function smallInteger(content: Uint8Array): number | undefined {
  if (!isInteger(content) || content.length > 4 || content[0]! >= 0x80) return undefined;
  return content.reduce((value, byte) => value * 256 + byte, 0);
}

/** Whether it is the shortest form of an INTEGER. X.690 §8.3.2 */
export function isInteger(content: Uint8Array): boolean {
  const [first, second] = content;
  if (first === undefined) return false;
  return second === undefined || !((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80));
}

/** A UTCTime or GeneralizedTime in ms since 1970: seconds given, in UTC. RFC 5280 §4.1.2.5 */
export function timeMs({ tag, content }: Der): number | undefined {
  const text = String.fromCharCode(...content.subarray(0, 16));
  const pattern = tag === Tag.utcTime ? /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/ : /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/;
  const parts = tag === Tag.utcTime || tag === Tag.generalizedTime ? pattern.exec(text) : null;
  if (parts === null) return undefined;
  const [given, month, day, hour, minute, second] = parts.slice(1).map(Number) as [number, number, number, number, number, number];
  const year = tag === Tag.generalizedTime ? given : given + (given < 50 ? 2000 : 1900);
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  date.setUTCHours(hour, minute, second);
  const exists = date.getUTCMonth() === month - 1 && date.getUTCDate() === day && hour < 24 && minute < 60 && second < 60;
  return exists ? date.getTime() : undefined;
}
