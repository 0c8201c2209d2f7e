/** What the REST side of the certification authority stands on. */
import type { CertificateAuthority, CertificateStore, RevocationDesk } from '@cluster/pki';

export const PKI = Symbol('pki');

export interface Pki {
  readonly authority: () => CertificateAuthority;
  readonly certificates: CertificateStore;
  readonly revocations: RevocationDesk;
  /** The store's clock. */
  readonly timeMs: () => Promise<number>;
  /** Whose these endpoints are; one that is not known is nobody's. */
  readonly tenantsOf: (endpoints: readonly string[]) => Promise<ReadonlyMap<string, string>>;
  /** So long before its end a certificate is due for renewal. */
  readonly renewalMs: number;
}
