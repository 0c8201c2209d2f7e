/** Certificate revocation lists (RFC 5280 §5), complete ones of the issuer itself: as delta, indirect or partial lists they are refused. */
import { equalBytes, toHex } from '@cluster/bytes';
import { readSigned, type Signed } from './certificate.ts';
import { contextTag, type Der, isInteger, readAll, smallInteger, Tag, timeMs } from './der.ts';
import { readExtensions } from './extensions.ts';
import { canonicalName, parseName } from './names.ts';

export interface RevocationList {
  /** In canonical form. */
  readonly issuer: string;
  readonly thisUpdateMs: number;
  /** undefined: it says none. */
  readonly nextUpdateMs: number | undefined;
  /** Serial numbers in hex. */
  readonly revoked: ReadonlySet<string>;
  readonly signed: Signed;
}

const MAX_ENTRIES = 1_000_000;
const V2 = 1;
/** authorityKeyIdentifier and cRLNumber. RFC 5280 §5.2.1, §5.2.3 */
const KNOWN_EXTENSIONS = new Set(['2.5.29.35', '2.5.29.20']);

/** The list, or why it can't be used. Its signature is verified against the issuer when it is used. */
export function parseRevocationList(der: Uint8Array): RevocationList | string {
  const outer = readSigned(der);
  const parts = (outer && readAll(outer.body.content, 8)) ?? [];
  if (parts[0]?.tag === Tag.integer && smallInteger(parts.shift()!.content) !== V2) return 'is of an unknown version';
  const [algorithm, issuer, thisUpdate, ...rest] = parts;
  if (outer === undefined || algorithm === undefined || issuer === undefined || thisUpdate === undefined) return 'is no revocation list';
  if (!equalBytes(algorithm.bytes, outer.algorithm.bytes)) return 'is no revocation list';
  const nextUpdate = rest[0]?.tag === Tag.utcTime || rest[0]?.tag === Tag.generalizedTime ? timeMs(rest.shift()!) : undefined;
  const revoked = readRevoked(rest[0]?.tag === Tag.sequence ? rest.shift() : undefined);
  const [name, thisUpdateMs] = [parseName(issuer.bytes), timeMs(thisUpdate)];
  if (name === undefined || thisUpdateMs === undefined || typeof revoked === 'string') return typeof revoked === 'string' ? revoked : 'is no revocation list';
  const unusable = checkExtensions(rest);
  if (unusable !== undefined) return unusable;
  return { issuer: canonicalName(name), thisUpdateMs, nextUpdateMs: nextUpdate, revoked, signed: outer.signed };
}

function checkExtensions([last, ...more]: Der[]): string | undefined {
  if (last === undefined) return undefined;
  const extensions = last.tag === contextTag(0) && more.length === 0 ? readExtensions(last.content) : undefined;
  if (extensions === undefined) return 'is no revocation list';
  const strange = extensions.find(({ oid, critical }) => critical && !KNOWN_EXTENSIONS.has(oid));
  return strange && `is not a complete list of its issuer (extension ${strange.oid})`;
}

function readRevoked(list: Der | undefined): Set<string> | string {
  const revoked = new Set<string>();
  for (const entry of list === undefined ? [] : (readAll(list.content, MAX_ENTRIES) ?? [undefined])) {
    const [serial, date, extensions] = (entry?.tag === Tag.sequence && readAll(entry.content, 3)) || [];
    if (serial?.tag !== Tag.integer || !isInteger(serial.content) || date === undefined || timeMs(date) === undefined) return 'is no revocation list, or too long';
    // RFC 5280 §5.3: an entry with an unknown critical extension makes the list useless, as certificateIssuer does.
    if (extensions !== undefined && readExtensions(extensions.bytes)?.some(({ critical }) => critical) !== false) return 'has entries of other issuers';
    revoked.add(toHex(serial.content));
  }
  return revoked;
}
