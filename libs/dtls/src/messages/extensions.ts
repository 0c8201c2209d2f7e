/** The extension block of both hellos (RFC 5246 §7.4.1.4), and the extensions whose bodies both sides share. */
import { EMPTY_BYTES, concatBytes, decodeUtf8Strict, encodeUtf8 } from '@cluster/bytes';
import { WireReader, uint16s } from '../wire/reader.ts';
import { uint16, uint16List, uint8, vector16, vector8 } from '../wire/writer.ts';

export const ExtensionType = {
  SERVER_NAME: 0,
  MAX_FRAGMENT_LENGTH: 1,
  SUPPORTED_GROUPS: 10,
  EC_POINT_FORMATS: 11,
  SIGNATURE_ALGORITHMS: 13,
  CLIENT_CERTIFICATE_TYPE: 19,
  SERVER_CERTIFICATE_TYPE: 20,
  ENCRYPT_THEN_MAC: 22,
  EXTENDED_MASTER_SECRET: 23,
  RECORD_SIZE_LIMIT: 28,
  SESSION_TICKET: 35,
  CONNECTION_ID: 54,
  RENEGOTIATION_INFO: 0xff01,
} as const;

export const NamedGroup = { SECP256R1: 23, X25519: 29 } as const;
/** ecdsa_secp256r1_sha256, or SHA-256 with ECDSA as RFC 5246 §7.4.1.4.1 calls it. */
export const ECDSA_SHA256 = 0x0403;
/** RFC 7250 §3 */
export const CertificateType = { X509: 0, RAW_PUBLIC_KEY: 2 } as const;
/** RFC 8449 §4: smaller limits must be refused. */
const MIN_RECORD_SIZE_LIMIT = 64;
const HOST_NAME = 0;
const MAX_HOST_NAME = 255;

/** Extension bodies by type. */
export type Extensions = ReadonlyMap<number, Uint8Array>;

/** What comes after the fixed part of a hello: nothing, or one block. Undefined if malformed or if a type comes twice. */
export function readExtensions(reader: WireReader): Extensions | undefined {
  const extensions = new Map<number, Uint8Array>();
  if (reader.ended) return extensions;
  const block = new WireReader(reader.vector16());
  while (block.remaining > 0) {
    const type = block.uint16();
    const body = block.vector16();
    if (!block.intact || extensions.has(type)) return undefined;
    extensions.set(type, body);
  }
  return reader.ended && block.ended ? extensions : undefined;
}

export function encodeExtensions(extensions: Iterable<readonly [type: number, body: Uint8Array]>): Uint8Array {
  const parts = [...extensions].flatMap(([type, body]) => [uint16(type), vector16(body)]);
  return parts.length === 0 ? EMPTY_BYTES : vector16(concatBytes(parts));
}

/** RFC 6066 §3: the one host name of a list; '' where the server only says that it used it. */
export function decodeServerName(body: Uint8Array): string | undefined {
  if (body.length === 0) return '';
  const reader = new WireReader(body);
  const list = new WireReader(reader.vector16());
  const type = list.uint8();
  const name = list.vector16();
  if (!reader.ended || !list.ended || type !== HOST_NAME || name.length === 0 || name.length > MAX_HOST_NAME) return undefined;
  return decodeUtf8Strict(name)?.toLowerCase();
}

export function encodeServerName(name: string): Uint8Array {
  return vector16(concatBytes([uint8(HOST_NAME), vector16(encodeUtf8(name))]));
}

/** RFC 6066 §4: the length in bytes. */
export function decodeMaxFragmentLength(body: Uint8Array): number | undefined {
  const code = body[0];
  return body.length === 1 && code !== undefined && code >= 1 && code <= 4 ? 2 ** (8 + code) : undefined;
}

/** `length`: 512, 1024, 2048 or 4096. */
export function encodeMaxFragmentLength(length: number): Uint8Array {
  return uint8(Math.log2(length) - 8);
}

/** RFC 8449 §4 */
export function decodeRecordSizeLimit(body: Uint8Array): number | undefined {
  const limit = new WireReader(body).uint16();
  return body.length === 2 && limit >= MIN_RECORD_SIZE_LIMIT ? limit : undefined;
}

/** RFC 9146 §3 */
export function decodeConnectionId(body: Uint8Array): Uint8Array | undefined {
  const reader = new WireReader(body);
  const cid = reader.vector8();
  return reader.ended ? cid : undefined;
}

/** A vector of 16-bit values with a length of two bytes: groups, signature algorithms. */
export function decodeUint16Vector(body: Uint8Array): number[] | undefined {
  const reader = new WireReader(body);
  const values = uint16s(reader.vector16());
  return reader.ended && values !== undefined && values.length > 0 ? values : undefined;
}

export function encodeUint16Vector(values: readonly number[]): Uint8Array {
  return vector16(uint16List(values));
}

/** A vector of bytes with a length of one byte: point formats, certificate types of a client. */
export function decodeUint8Vector(body: Uint8Array): Uint8Array | undefined {
  const reader = new WireReader(body);
  const values = reader.vector8();
  return reader.ended && values.length > 0 ? values : undefined;
}

/** RFC 5746 §3.2 in a first handshake: an empty vector. */
export const EMPTY_RENEGOTIATION_INFO: Uint8Array = vector8(EMPTY_BYTES);
/** RFC 8422 §5.1.2: uncompressed points only. */
export const UNCOMPRESSED_ONLY: Uint8Array = vector8(uint8(0));
