/**
 * Distinguished names (RFC 5280 §4.1.2.4) in a form in which equal names are equal texts: types by their short names,
 * values without case and surplus space (RFC 5280 §7.1), in no order. Made from DER, or from what an operator wrote.
 */
import { decodeUtf8, decodeUtf8Strict, encodeUtf8, fromHex } from '@cluster/bytes';
import { type Der, oidText, readAll, readWhole, Tag } from './der.ts';

/** One attribute, e.g. `CN` and `device-1`. */
export interface NameAttribute {
  readonly type: string;
  readonly value: string;
}

/** X.520 and RFC 4519; what is not here goes by its dotted OID. */
const TYPES: Readonly<Record<string, string>> = {
  '2.5.4.3': 'CN', '2.5.4.4': 'SN', '2.5.4.5': 'SERIALNUMBER', '2.5.4.6': 'C', '2.5.4.7': 'L', '2.5.4.8': 'ST', '2.5.4.9': 'STREET',
  '2.5.4.10': 'O', '2.5.4.11': 'OU', '2.5.4.12': 'TITLE', '2.5.4.42': 'GIVENNAME', '2.5.4.46': 'DNQUALIFIER',
  '0.9.2342.19200300.100.1.1': 'UID', '0.9.2342.19200300.100.1.25': 'DC', '1.2.840.113549.1.9.1': 'EMAILADDRESS',
};
const ALIASES: Readonly<Record<string, string>> = { E: 'EMAILADDRESS', S: 'ST', DNQ: 'DNQUALIFIER', USERID: 'UID' };
const KNOWN_TYPES: ReadonlySet<string> = new Set(Object.values(TYPES));

const MAX_ATTRIBUTES = 32;
const MAX_VALUE = 512;
const [COMMA, PLUS, BACKSLASH] = [0x2c, 0x2b, 0x5c];

/** The attributes of a Name in DER, in its order. An empty name has none. */
export function parseName(der: Uint8Array): NameAttribute[] | undefined {
  const sets = mapAll(readWhole(der, Tag.sequence), (set) => (set.tag === Tag.set ? set : undefined));
  if (sets === undefined) return undefined;
  const attributes: NameAttribute[] = [];
  for (const set of sets) {
    const ofSet = mapAll(set, parseAttribute);
    if (ofSet === undefined || ofSet.length === 0) return undefined;
    attributes.push(...ofSet);
  }
  return attributes.length > MAX_ATTRIBUTES ? undefined : attributes;
}

function mapAll<T>(der: Der | undefined, map: (element: Der) => T | undefined): T[] | undefined {
  const mapped = der && readAll(der.content, MAX_ATTRIBUTES)?.map(map);
  return mapped?.every((element) => element !== undefined) ? mapped : undefined;
}

function parseAttribute(der: Der): NameAttribute | undefined {
  if (der.tag !== Tag.sequence) return undefined;
  const [type, value, ...rest] = readAll(der.content, 3) ?? [];
  if (type?.tag !== Tag.oid || value === undefined || rest.length > 0) return undefined;
  const [oid, text] = [oidText(type.content), stringOf(value)];
  if (oid === undefined || text === undefined || text.length > MAX_VALUE) return undefined;
  return { type: TYPES[oid] ?? oid, value: text };
}

/** The text of a DirectoryString or IA5String. Text of 8 bits is Latin-1 where it is not UTF-8. */
function stringOf({ tag, content }: Der): string | undefined {
  switch (tag) {
    case Tag.utf8String:
      return decodeUtf8Strict(content);
    case Tag.printableString:
    case Tag.numericString:
    case Tag.ia5String:
      return content.every((byte) => byte < 0x80) ? latin1(content) : undefined;
    case Tag.teletexString:
      return latin1(content);
    case Tag.bmpString:
      return content.length % 2 === 0 ? wide(content) : undefined;
    default:
      return undefined;
  }
}

function latin1(content: Uint8Array): string {
  return Array.from(content.subarray(0, MAX_VALUE + 1), (byte) => String.fromCharCode(byte)).join('');
}

function wide(content: Uint8Array): string {
  let text = '';
  for (let i = 0; i + 1 < content.length && i <= MAX_VALUE; i += 2) text += String.fromCharCode(content[i]! * 256 + content[i + 1]!);
  return text;
}

/** The attributes of a name as text: `CN=device-1,O=Example` (RFC 4514), escapes by `\`, several of one level joined by `+`. */
export function parseNameText(text: string): NameAttribute[] | undefined {
  if (text.length > MAX_ATTRIBUTES * MAX_VALUE) return undefined;
  const attributes = splitName(text)?.map(parseAttributeText);
  return attributes?.every((each) => each !== undefined) && attributes.length <= MAX_ATTRIBUTES ? attributes : undefined;
}

/** Splits at each `,` and `+` that is not escaped, and takes the escapes away. RFC 4514 §2.4 */
function splitName(text: string): string[] | undefined {
  const parts: number[][] = [[]];
  const bytes = encodeUtf8(text);
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!;
    if (byte === COMMA || byte === PLUS) parts.push([]);
    else if (byte !== BACKSLASH) parts.at(-1)!.push(byte);
    else {
      const pair = fromHex(decodeUtf8(bytes.subarray(i + 1, i + 3)));
      const escaped = pair?.length === 1 ? pair[0] : bytes[i + 1];
      if (escaped === undefined) return undefined;
      parts.at(-1)!.push(escaped);
      i += pair?.length === 1 ? 2 : 1;
    }
  }
  const texts = parts.map((part) => decodeUtf8Strict(Uint8Array.from(part)));
  return texts.every((each) => each !== undefined) ? texts : undefined;
}

function parseAttributeText(text: string): NameAttribute | undefined {
  const equals = text.indexOf('=');
  const given = text.slice(0, Math.max(equals, 0)).trim().toUpperCase().replace(/^OID\./, '');
  const type = ALIASES[given] ?? TYPES[given] ?? given;
  const value = text.slice(equals + 1).trim();
  if (!KNOWN_TYPES.has(type) && !/^\d+(\.\d+)+$/.test(type)) return undefined;
  return value === '' || value.length > MAX_VALUE ? undefined : { type, value };
}

/** A text that is the same for names that are equal, and for no others. */
export function canonicalName(attributes: readonly NameAttribute[]): string {
  const texts = attributes.map(({ type, value }) => `${type}=${JSON.stringify(foldValue(value))}`);
  return texts.sort().join(',');
}

function foldValue(value: string): string {
  return value.normalize('NFKC').toLowerCase().trim().replaceAll(/\s+/g, ' ');
}

/** The name for people to read: RFC 4514, the most specific part first. */
export function nameText(attributes: readonly NameAttribute[]): string {
  return attributes.map(({ type, value }) => `${type}=${value.replaceAll(/[\\,+"<>;=]/g, String.raw`\$&`)}`).reverse().join(',');
}
