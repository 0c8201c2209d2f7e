/** ServerKeyExchange and ClientKeyExchange of PSK (RFC 4279 §2) and ECDHE_ECDSA (RFC 8422 §5.4, §5.7). */
import { concatBytes } from '@cluster/bytes';
import { WireReader } from '../wire/reader.ts';
import { uint16, uint8, vector16, vector8 } from '../wire/writer.ts';
import { encodeSignature, readSignature } from './certificates.ts';

const NAMED_CURVE = 3;

/** What a server signs, and the signature. */
export interface EcdheParameters {
  readonly group: number;
  readonly point: Uint8Array;
  readonly signature: Uint8Array;
}

/** ServerECDHParams. */
function encodeEcdhParameters(group: number, point: Uint8Array): Uint8Array {
  return concatBytes([uint8(NAMED_CURVE), uint16(group), vector8(point)]);
}

export function encodeEcdheServerKeyExchange({ group, point, signature }: EcdheParameters): Uint8Array {
  return concatBytes([encodeEcdhParameters(group, point), encodeSignature(signature)]);
}

export function decodeEcdheServerKeyExchange(body: Uint8Array): EcdheParameters | undefined {
  const reader = new WireReader(body);
  const type = reader.uint8();
  const group = reader.uint16();
  const point = reader.vector8();
  const signature = readSignature(reader);
  return type === NAMED_CURVE && signature !== undefined ? { group, point, signature } : undefined;
}

/** What is signed: both randoms, then the parameters (RFC 8422 §5.4). */
export function signedParameters(clientRandom: Uint8Array, serverRandom: Uint8Array, group: number, point: Uint8Array): Uint8Array {
  return concatBytes([clientRandom, serverRandom, encodeEcdhParameters(group, point)]);
}

/** A client's public point. */
export function decodeEcdheClientKeyExchange(body: Uint8Array): Uint8Array | undefined {
  const reader = new WireReader(body);
  const point = reader.vector8();
  return reader.ended && point.length > 0 ? point : undefined;
}

export function encodeEcdheClientKeyExchange(point: Uint8Array): Uint8Array {
  return vector8(point);
}

/** A client's PSK identity; any bytes. Also the identity hint of a server. */
export function decodePskIdentity(body: Uint8Array): Uint8Array | undefined {
  const reader = new WireReader(body);
  const identity = reader.vector16();
  return reader.ended ? identity : undefined;
}

export function encodePskIdentity(identity: Uint8Array): Uint8Array {
  return vector16(identity);
}
