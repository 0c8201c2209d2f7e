/** A certification authority for devices: certification requests checked, certificates issued, kept and revoked. */
export { CertificateAuthority, type CertificateOrder, type OrderRefusal } from './authority.ts';
export { type CertificationRequest, MAX_REQUEST_BYTES, parseRequest, type RequestFault } from './certification-request.ts';
export { certsOnly } from './certs-only.ts';
export { endpointNames, type EndpointNames } from './endpoint-names.ts';
export { createAuthority, type OwnAuthority } from './own-authority.ts';
export { judgeRequest, type RequestRefusal } from './request-policy.ts';
export { pemBlock } from './pem.ts';
export { type PublishedDocuments, PublishedList, RevocationDesk, RevocationsFull } from './revocation-desk.ts';
export type { RevocationListOrder, RevokedEntry } from './revocation-list.ts';
export { newSerial } from './serial.ts';
export { CertificateDesk, type Issued, MAX_CERTIFICATES_OF_ENDPOINT } from './certificate-desk.ts';
export * from './store.ts';
export { type EnrolledCredentials, type EstAnswer, type EstDevice, EstHandler, type EstRequest } from './est/handler.ts';
export { renewalWindowMs } from './renewal-window.ts';
