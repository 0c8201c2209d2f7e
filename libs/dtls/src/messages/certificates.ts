/** Certificate, CertificateRequest and CertificateVerify (RFC 5246 §7.4.2, §7.4.4, §7.4.8; RFC 7250 §3). */
import { concatBytes } from '@cluster/bytes';
import { WireReader, uint16s } from '../wire/reader.ts';
import { uint16, uint8, vector16, vector24, vector8 } from '../wire/writer.ts';
import { ECDSA_SHA256 } from './extensions.ts';

/** Chains are two or three long; more is an attack. */
const MAX_CHAIN = 8;
const ECDSA_SIGN = 64;

/** A chain of DER certificates, the end entity's first; possibly empty. */
export function decodeCertificateChain(body: Uint8Array): Uint8Array[] | undefined {
  const reader = new WireReader(body);
  const list = new WireReader(reader.vector24());
  const chain: Uint8Array[] = [];
  while (list.remaining > 0 && chain.length < MAX_CHAIN) {
    const certificate = list.vector24();
    if (certificate.length === 0) return undefined;
    chain.push(certificate);
  }
  return reader.ended && list.ended ? chain : undefined;
}

export function encodeCertificateChain(chain: readonly Uint8Array[]): Uint8Array {
  return vector24(concatBytes(chain.map(vector24)));
}

/** One SubjectPublicKeyInfo in DER; empty where the peer has none. */
export function decodeRawPublicKey(body: Uint8Array): Uint8Array | undefined {
  const reader = new WireReader(body);
  const spki = reader.vector24();
  return reader.ended ? spki : undefined;
}

export function encodeRawPublicKey(spki: Uint8Array): Uint8Array {
  return vector24(spki);
}

/** Asks for ECDSA with SHA-256; `authorities` are DER names, none for raw public keys. */
export function encodeCertificateRequest(authorities: readonly Uint8Array[]): Uint8Array {
  return concatBytes([vector8(uint8(ECDSA_SIGN)), vector16(uint16(ECDSA_SHA256)), vector16(concatBytes(authorities.map(vector16)))]);
}

/** Whether a server asks for what this side can give; undefined if malformed. */
export function decodeCertificateRequest(body: Uint8Array): { readonly acceptable: boolean } | undefined {
  const reader = new WireReader(body);
  const types = reader.vector8();
  const algorithms = uint16s(reader.vector16());
  reader.vector16();
  if (!reader.ended || algorithms === undefined) return undefined;
  return { acceptable: types.includes(ECDSA_SIGN) && algorithms.includes(ECDSA_SHA256) };
}

/** A signature with its algorithm, as CertificateVerify and ServerKeyExchange carry it. */
export function encodeSignature(signature: Uint8Array): Uint8Array {
  return concatBytes([uint16(ECDSA_SHA256), vector16(signature)]);
}

/** Undefined for any other algorithm, too. */
export function readSignature(reader: WireReader): Uint8Array | undefined {
  const algorithm = reader.uint16();
  const signature = reader.vector16();
  return reader.ended && algorithm === ECDSA_SHA256 ? signature : undefined;
}
