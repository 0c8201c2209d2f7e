/** DTLS 1.2 without I/O: server and client, Connection ID, associations that move between workers (RFC 6347, 9146). */
export { Alert, alertClass } from './alerts.ts';
export type { AlertClass } from './alerts.ts';
export { CID_LENGTH, createCid, isOurCid } from './association/cid.ts';
export type { KeyRing, RingKey } from './association/key-ring.ts';
export { decodeFixed, decodeMoving, encodeFixed, encodeMoving } from './association/record.ts';
export type { AssociationFixed, AssociationMoving, Credential, IdentityKind, PeerIdentity } from './association/record.ts';
export { type Certificate, type HolderNames, holderNames, parseCertificate, readSigned, type Signed } from './certificates/certificate.ts';
export { contextTag, type Der, isInteger, oidText, primitiveContextTag, readAll, readWhole, smallInteger, Tag } from './certificates/der.ts';
export { type Extensions, interpretExtensions, type RawExtension, readExtensions } from './certificates/extensions.ts';
export { canonicalName, type NameAttribute, nameText, parseName, parseNameText } from './certificates/names.ts';
export {
  type CertificateJudgement, type CertificatePolicy, type CertificateRefusal, describeCertificate, judgeCertificate, judgingCertificate,
} from './certificates/judge.ts';
export { parseRevocationList, type RevocationList } from './certificates/revocation-list.ts';
export { isSignedBy, type SignatureCheck, startSignatureCheck } from './certificates/signatures.ts';
export { parsePem, type PemBlock, TrustStore } from './certificates/trust-store.ts';
export { parseSpki, type PublicKeyInfo } from './certificates/spki.ts';
export { DtlsClient } from './client/client.ts';
export type { DtlsClientPolled } from './client/client.ts';
export type { DtlsClientEvent } from './client/events.ts';
export type { ClientCertificate, ClientPsk, ClientSession, DtlsClientOptions, JudgeServer } from './client/options.ts';
export { KeyObject, X509Certificate } from './crypto.ts';
export type { Datagram } from './datagram.ts';
export type { RetransmissionTimes } from './handshake/core.ts';
export { publicKeyOf } from './keys/one-asymmetric-key.ts';
export { runPublicKeyWork, startPublicKeyWork } from './keys/public-key-work.ts';
export type { PublicKeyResult, PublicKeyWork } from './keys/public-key-work.ts';
export { NamedGroup } from './messages/extensions.ts';
export { randomPool } from './random.ts';
export type { RandomBytes } from './random.ts';
export type { DtlsServerCounters, RecordDrop, Refusal } from './server/counters.ts';
export type {
  ClosedReason,
  DtlsOccurrence,
  DtlsQuestion,
  DtlsServerEvent,
  FormerPsk,
  PskAnswer,
  Question,
  ResumptionAnswer,
  StoredAssociation,
  TakeoverAnswer,
  Verdict,
} from './server/events.ts';
export { DEFAULT_SERVER_LIMITS } from './server/options.ts';
export type { DtlsServerLimits, DtlsServerOptions, ServerCredential, ServerKeyPair } from './server/options.ts';
export { DtlsServer } from './server/server.ts';
export type { DtlsServerPolled, DtlsServerUsage } from './server/server.ts';
export type { SendResult } from './server/traffic.ts';
export { CIPHER_SUITES, cipherSuite } from './suites.ts';
export type { BulkCipher, CipherSuite, KeyExchange } from './suites.ts';
