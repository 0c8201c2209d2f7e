/** What devices prove who they are with, and the set of it that an endpoint has. */
import type { CredentialKind, CredentialRole } from '@cluster/contracts';

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

/** What goes with a credential that the cluster made, for the device alone: kept until the device was seen to use it. */
export interface MadeSecret {
  /** PKCS#8 in DER. */
  readonly privateKey?: Uint8Array;
  /** DER. */
  readonly certificate?: Uint8Array;
}

export interface Credential {
  /** Names it among all that the endpoint ever had. What is made with it carries this. */
  readonly version: number;
  readonly createdAtMs: number;
  /** `former`: a newer one of its kind was set; it is valid until that one is used, or until `validUntilMs`. */
  readonly state: 'current' | 'former';
  readonly validUntilMs?: number;
  readonly role: CredentialRole;
  /** Made by the bootstrap server, and not used by the device yet: the device is given this one again until it did. */
  readonly unproved?: MadeSecret;
  readonly content: CredentialContent;
}

/** The interface that a credential is shown at. */
export type CredentialUse = Exclude<CredentialRole, 'any'>;

export interface CredentialSet {
  readonly endpoint: string;
  /** The newest version given out. Kept when all credentials are gone, so that no version names two. */
  readonly lastVersion: number;
  /** The interfaces for which it ever had any: there no certificate counts by its name alone, whatever is revoked. */
  readonly everFor: readonly CredentialUse[];
  /**
   * Of each kind and role: a current one, a former one that the device is known to have had, and two that were made and
   * not used yet; one of these may be the current one.
   */
  readonly credentials: readonly Credential[];
}

export function kindOf(credential: Credential): CredentialKind {
  return credential.content.kind;
}

/** Without what is over by now. */
export function valid(credentials: readonly Credential[], nowMs: number): Credential[] {
  return credentials.filter(({ validUntilMs }) => validUntilMs === undefined || nowMs < validUntilMs);
}

export function opens({ role }: Pick<Credential, 'role'>, use: CredentialUse): boolean {
  return role === 'any' || role === use;
}

/** What a role adds to {@link CredentialSet.everFor}. */
export function usesOf(role: CredentialRole): CredentialUse[] {
  return role === 'any' ? ['management', 'bootstrap'] : [role];
}

/** A certificate that the device enrolled for and was not seen to use: its key is the device's alone. */
export function isEnrolled({ unproved }: Pick<Credential, 'unproved'>): boolean {
  return unproved?.certificate !== undefined && unproved.privateKey === undefined;
}
