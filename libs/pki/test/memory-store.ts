/** Issued certificates in memory. */
import { byExpiry, type CertificateStore, type IssuedCertificate } from '../src/index.ts';

export class MemoryCertificates implements CertificateStore {
  readonly #all = new Map<string, IssuedCertificate>();

  async putCertificate(certificate: IssuedCertificate): Promise<void> {
    this.#all.set(certificate.serial, certificate);
  }

  async findCertificate(serial: string): Promise<IssuedCertificate | undefined> {
    return this.#all.get(serial);
  }

  async certificatesOf(endpoint: string): Promise<IssuedCertificate[]> {
    return this.#sorted((each) => each.endpoint === endpoint);
  }

  async certificatesByExpiry({ untilMs, after, limit }: Parameters<CertificateStore['certificatesByExpiry']>[0]): Promise<IssuedCertificate[]> {
    return this.#sorted((each) => each.notAfterMs <= untilMs && (after === undefined || byExpiry(after, each) < 0)).slice(0, limit);
  }

  async revokeCertificate(serial: string, revocation: NonNullable<IssuedCertificate['revocation']>): Promise<IssuedCertificate | undefined> {
    const found = this.#all.get(serial);
    if (found === undefined) return undefined;
    const revoked = { ...found, revocation: found.revocation ?? revocation };
    this.#all.set(serial, revoked);
    return revoked;
  }

  async revokedCertificates(): Promise<IssuedCertificate[]> {
    return this.#sorted(({ revocation }) => revocation !== undefined);
  }

  async dropCertificates(certificates: readonly IssuedCertificate[]): Promise<void> {
    for (const { serial } of certificates) this.#all.delete(serial);
  }

  #sorted(passes: (certificate: IssuedCertificate) => boolean): IssuedCertificate[] {
    return [...this.#all.values()].filter(passes).sort(byExpiry);
  }
}
