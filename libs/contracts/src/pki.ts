/** Certificates that the server's authority issued to devices, as operators see and revoke them. */
import { z } from 'zod';

/** RFC 5280 §5.3.1, without what concerns authorities, and what would end a revocation. */
export const revocationReason = z.enum(['unspecified', 'keyCompromise', 'affiliationChanged', 'superseded', 'cessationOfOperation', 'privilegeWithdrawn']);

export const certificateSerial = z.string().regex(/^[0-9a-f]{2,40}$/, 'expected a serial number as pairs of lower-case hex digits');

export const issuedCertificateView = z.object({
  serial: certificateSerial.describe('in hex'),
  endpoint: z.string(),
  sha256: z.string().describe('fingerprint in hex'),
  notBefore: z.iso.datetime(),
  notAfter: z.iso.datetime(),
  state: z.enum(['valid', 'due', 'over', 'revoked']).describe('`due`: near its end, and the device should renew it'),
  revokedAt: z.iso.datetime().optional(),
  reason: revocationReason.optional(),
});
export type IssuedCertificateView = z.infer<typeof issuedCertificateView>;

export const issuedCertificatePage = z.object({
  certificates: z.array(issuedCertificateView),
  next: z.string().optional().describe('cursor of the next page'),
});
export type IssuedCertificatePage = z.infer<typeof issuedCertificatePage>;

export const issuedCertificatesQuery = z.strictObject({
  endpoint: z.string().min(1).max(255).optional().describe('only those of this endpoint; all of them are on one page'),
  expiresBefore: z.iso.datetime({ offset: true }).optional().describe('only those that end by then'),
  limit: z.coerce.number().int().min(1).max(1_000).default(100),
  cursor: z.string().max(200).optional(),
});
export type IssuedCertificatesQuery = z.infer<typeof issuedCertificatesQuery>;

export const revocationQuery = z.strictObject({ reason: revocationReason.default('unspecified') });
export type RevocationQuery = z.infer<typeof revocationQuery>;
