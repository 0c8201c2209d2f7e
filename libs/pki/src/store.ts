/** The port through which issued certificates are kept. Adapters: those of the session ports; `@cluster/testing` has its compliance suite. */

/** RFC 5280 §5.3.1, without what concerns authorities, and what would end a revocation. */
export const REVOCATION_REASONS = {
  unspecified: 0, keyCompromise: 1, affiliationChanged: 3, superseded: 4, cessationOfOperation: 5, privilegeWithdrawn: 9,
} as const;
export type RevocationReason = keyof typeof REVOCATION_REASONS;

export interface Revocation {
  readonly atMs: number;
  readonly reason: RevocationReason;
}

/** What is kept of a certificate: enough to list and to revoke it. */
export interface IssuedCertificate {
  /** Content of the INTEGER in hex. */
  readonly serial: string;
  readonly endpoint: string;
  /** Of its DER, in hex. */
  readonly sha256: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly revocation?: Revocation;
}

/** A place in the order of `notAfterMs`, then of serial numbers. */
export type ExpiryPlace = Pick<IssuedCertificate, 'notAfterMs' | 'serial'>;

export interface CertificateStore {
  /** Keeps a certificate that was issued just now. */
  putCertificate(certificate: IssuedCertificate): Promise<void>;
  findCertificate(serial: string): Promise<IssuedCertificate | undefined>;
  /** All of an endpoint, those that end first before the others. */
  certificatesOf(endpoint: string): Promise<IssuedCertificate[]>;
  /** Certificates of all endpoints that end by `untilMs`, in the order of their ends, behind `after`; fewer than `limit` only at the end. */
  certificatesByExpiry(page: { readonly untilMs: number; readonly after?: ExpiryPlace | undefined; readonly limit: number }): Promise<IssuedCertificate[]>;
  /** Marks it as revoked; who did so first stays. Undefined: it is not kept. */
  revokeCertificate(serial: string, revocation: Revocation): Promise<IssuedCertificate | undefined>;
  /** All that are revoked and kept. */
  revokedCertificates(): Promise<IssuedCertificate[]>;
  /** Keeps these no longer. */
  dropCertificates(certificates: readonly IssuedCertificate[]): Promise<void>;
}

/** The order of {@link CertificateStore.certificatesByExpiry}. */
export function byExpiry(one: ExpiryPlace, other: ExpiryPlace): number {
  return one.notAfterMs - other.notAfterMs || (one.serial < other.serial ? -1 : Number(one.serial > other.serial));
}
