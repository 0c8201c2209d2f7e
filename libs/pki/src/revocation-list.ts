/**
 * Revocation lists (RFC 5280 §5.1), written in DER by hand: a list is long, its entries are all of one form, and pkijs takes
 * most of a millisecond for each.
 */
import { concatBytes, encodeUtf8, hex } from '@cluster/bytes';
import { contextTag, primitiveContextTag, Tag } from '@cluster/dtls';

/** One certificate of a revocation list. */
export interface RevokedEntry {
  readonly serial: Uint8Array;
  readonly revokedAtMs: number;
  /** CRLReason; 0 says nothing and is left out. RFC 5280 §5.3.1 */
  readonly reason: number;
}

export interface RevocationListOrder {
  readonly entries: readonly RevokedEntry[];
  /** Higher than that of every list before. RFC 5280 §5.2.3 */
  readonly number: number;
  readonly thisUpdateMs: number;
  readonly nextUpdateMs: number;
}

export interface RevocationIssuer {
  /** Its name in DER. */
  readonly name: Uint8Array;
  readonly keyId: Uint8Array | undefined;
  /** AlgorithmIdentifier in DER. */
  readonly algorithm: Uint8Array;
  readonly sign: (content: Uint8Array) => Uint8Array;
}

const V2 = hex('020101');
/** RFC 5280 §5.2.1, §5.2.3 and §5.3.1. */
const AUTHORITY_KEY_ID = hex('0603551d23');
const CRL_NUMBER = hex('0603551d14');
const REASON_CODE = hex('0603551d15');

export function encodeRevocationList({ entries, number, thisUpdateMs, nextUpdateMs }: RevocationListOrder, issuer: RevocationIssuer): Uint8Array {
  const { name, keyId, algorithm, sign } = issuer;
  const keyIds = keyId === undefined ? [] : [extension(AUTHORITY_KEY_ID, sequence(tlv(primitiveContextTag(0), keyId)))];
  const content = sequence(
    V2, algorithm, name, time(thisUpdateMs), time(nextUpdateMs),
    // RFC 5280 §5.1.2.6: absent where there are none.
    ...(entries.length === 0 ? [] : [sequence(...entries.map(encodeEntry))]),
    tlv(contextTag(0), sequence(...keyIds, extension(CRL_NUMBER, integer(number)))),
  );
  return sequence(content, algorithm, tlv(Tag.bitString, Uint8Array.of(0), sign(content)));
}

function encodeEntry({ serial, revokedAtMs, reason }: RevokedEntry): Uint8Array {
  const reasons = reason === 0 ? [] : [sequence(extension(REASON_CODE, tlv(Tag.enumerated, Uint8Array.of(reason))))];
  return sequence(tlv(Tag.integer, serial), time(revokedAtMs), ...reasons);
}

function extension(oid: Uint8Array, value: Uint8Array): Uint8Array {
  return sequence(oid, tlv(Tag.octetString, value));
}

/** RFC 5280 §5.1.2.4: UTCTime through 2049. */
function time(ms: number): Uint8Array {
  const text = `${new Date(ms).toISOString().replaceAll(/[-:T]|\..*/g, '')}Z`;
  return text < '2050' ? tlv(Tag.utcTime, encodeUtf8(text.slice(2))) : tlv(Tag.generalizedTime, encodeUtf8(text));
}

/** An INTEGER that is not negative. */
function integer(value: number): Uint8Array {
  const digits = value.toString(16);
  const even = digits.length % 2 === 0 ? digits : `0${digits}`;
  return tlv(Tag.integer, hex(Number.parseInt(even.slice(0, 2), 16) < 0x80 ? even : `00${even}`));
}

function sequence(...parts: readonly Uint8Array[]): Uint8Array {
  return tlv(Tag.sequence, ...parts);
}

/** X.690 §8.1 */
function tlv(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const bytes: number[] = [];
  for (let left = length; left > 0; left = Math.floor(left / 256)) bytes.unshift(left % 256);
  const head = length < 0x80 ? [tag, length] : [tag, 0x80 | bytes.length, ...bytes];
  return concatBytes([Uint8Array.from(head), ...parts]);
}
