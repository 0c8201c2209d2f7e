/** What the REST side of the certification authority stands on. */
import type { CertificateAuthority, CertificateStore, RevocationDesk } from '@cluster/pki';

export const PKI = Symbol('pki');

export interface Pki {
  readonly authority: () => CertificateAuthority;
  readonly certificates: CertificateStore;
  readonly revocations: RevocationDesk;
  /** The store's clock. */
  readonly timeMs: () => Promise<number>;
  /** So long before its end a certificate is due for renewal. */
  readonly renewalMs: number;
}
