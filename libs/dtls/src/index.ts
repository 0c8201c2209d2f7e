/** DTLS 1.2 without I/O: server and client, Connection ID, associations that move between workers (RFC 6347, 9146). */
export { KeyObject, X509Certificate } from './crypto.ts';
export { type Certificate, holderNames, parseCertificate } from './certificates/certificate.ts';
export { canonicalName, type NameAttribute, nameText, parseName, parseNameText } from './certificates/names.ts';
export {
  type CertificateJudgement, type CertificatePolicy, type CertificateRefusal, describeCertificate, judgeCertificate,
} from './certificates/judge.ts';
export { parsePem, type PemBlock, TrustStore } from './certificates/trust-store.ts';
export { parseSpki, type PublicKeyInfo } from './certificates/spki.ts';
