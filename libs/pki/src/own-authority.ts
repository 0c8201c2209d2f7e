/** Makes a self-signed certification authority, for a server that is given none: a laptop, a lab. */
import type { RandomBytes } from '@cluster/dtls';
import { Certificate, PublicKeyInfo } from 'pkijs';
import { createHash, cryptoEngine, generateKeyPairSync, type KeyObject, signingKey } from './crypto.ts';
import { basicConstraints, integerOf, keyUsage, nameOf, subjectKeyId, timeOf } from './encoding.ts';
import { newSerial } from './serial.ts';

export interface OwnAuthority {
  readonly certificate: Uint8Array;
  readonly privateKey: KeyObject;
}

const KEY_CERT_SIGN = 5;
const CRL_SIGN = 6;
const KEY_ID_BYTES = 20;

export async function createAuthority(
  { commonName, notBeforeMs, notAfterMs, random }: { commonName: string; notBeforeMs: number; notAfterMs: number; random: RandomBytes },
): Promise<OwnAuthority> {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const spki = publicKey.export({ format: 'der', type: 'spki' });
  const signing = signingKey(privateKey)!;
  const certificate = new Certificate({ version: 2, serialNumber: integerOf(newSerial(random)) });
  certificate.subject = nameOf(commonName);
  certificate.issuer = certificate.subject;
  certificate.notBefore = timeOf(notBeforeMs);
  certificate.notAfter = timeOf(notAfterMs);
  certificate.subjectPublicKeyInfo = PublicKeyInfo.fromBER(Uint8Array.from(spki));
  const keyId = createHash('sha256').update(spki).digest().subarray(0, KEY_ID_BYTES);
  certificate.extensions = [basicConstraints(true), keyUsage([KEY_CERT_SIGN, CRL_SIGN]), subjectKeyId(keyId)];
  await certificate.sign(signing.key, signing.hash, cryptoEngine);
  return { certificate: new Uint8Array(certificate.toSchema(true).toBER(false)), privateKey };
}
