/** What devices prove who they are with, and the set of it that an endpoint has. */
import type { CredentialKind } from '@cluster/contracts';

export interface Psk {
  readonly kind: 'psk';
  readonly identity: Uint8Array;
  readonly key: Uint8Array;
}

export interface Rpk {
  readonly kind: 'rpk';
  /** SubjectPublicKeyInfo in DER. */
  readonly spki: Uint8Array;
}

/** A certificate by its fingerprint. */
export interface PinnedCertificate {
  readonly kind: 'x509';
  readonly sha256: Uint8Array;
}

/** Any certificate with this issuer and subject that a trust anchor stands for. */
export interface NamedCertificate {
  readonly kind: 'x509';
  /** As the operator wrote them. */
  readonly issuer: string;
  readonly subject: string;
}

export interface Oscore {
  readonly kind: 'oscore';
  readonly masterSecret: Uint8Array;
  readonly salt: Uint8Array;
  readonly senderId: Uint8Array;
  readonly recipientId: Uint8Array;
}

export type CredentialContent = Psk | Rpk | PinnedCertificate | NamedCertificate | Oscore;

export interface Credential {
  /** Names it among all that the endpoint ever had. What is made with it carries this. */
  readonly version: number;
  readonly createdAtMs: number;
  /** `former`: a newer one of its kind was set; it is valid until that one is used, or until `validUntilMs`. */
  readonly state: 'current' | 'former';
  readonly validUntilMs?: number;
  readonly content: CredentialContent;
}

export interface CredentialSet {
  readonly endpoint: string;
  /** The newest version given out. Kept when all credentials are gone, so that no version names two. */
  readonly lastVersion: number;
  /** At most two of a kind: the current and a former one. */
  readonly credentials: readonly Credential[];
}

export function kindOf(credential: Credential): CredentialKind {
  return credential.content.kind;
}

/** Without what is over by now. */
export function valid(credentials: readonly Credential[], nowMs: number): Credential[] {
  return credentials.filter(({ validUntilMs }) => validUntilMs === undefined || nowMs < validUntilMs);
}
