/** Credentials of endpoints: what goes in, and what is shown of it. No secret is in any answer. */
import { z } from 'zod';

/** Whole bytes in hex, from `min` to `max` of them. */
export function hexBytes(min: number, max: number) {
  return z.string().max(max * 2).regex(/^(?:[0-9a-fA-F]{2})*$/, 'expected pairs of hex digits')
    .refine((text) => text.length >= min * 2, `expected at least ${min} byte(s)`);
}

/** RFC 4279 §5.3: any bytes. OMA Transport 1.1.1 §5.2.8.1: up to 128 of them. */
const MAX_IDENTITY_BYTES = 128;
export const pskIdentity = z.string().min(1).refine((text) => new TextEncoder().encode(text).length <= MAX_IDENTITY_BYTES, `expected at most ${MAX_IDENTITY_BYTES} bytes of UTF-8`);
const identityHex = hexBytes(1, MAX_IDENTITY_BYTES);
/** OMA Transport 1.1.1 §5.2.8.1: keys of up to 64 bytes. */
export const keyHex = hexBytes(1, 64);
const distinguishedName = z.string().min(3).max(2_048);

export const pskCredential = z.union([
  z.strictObject({ identity: pskIdentity, keyHex }),
  z.strictObject({ identityHex: identityHex.describe('an identity that is no text'), keyHex }),
]);
export const rpkCredential = z.strictObject({
  spkiBase64: z.base64().min(1).max(512).describe('SubjectPublicKeyInfo in DER; secp256r1'),
});
export const x509Credential = z.union([
  z.strictObject({ sha256: z.string().max(128).describe("the certificate's SHA-256 fingerprint in hex; colons may stand between its bytes") }),
  z.strictObject({ issuer: distinguishedName.describe('as RFC 4514, e.g. CN=Example CA,O=Example'), subject: distinguishedName }),
]);
export const oscoreCredential = z.strictObject({
  masterSecretHex: hexBytes(1, 64),
  saltHex: hexBytes(0, 64).optional(),
  senderIdHex: hexBytes(0, 7).describe("the server's sender id: the device's recipient id"),
  recipientIdHex: hexBytes(0, 7).describe("the server's recipient id: the device's sender id"),
});

/** Which interface a credential opens: Registration (and so management), Bootstrap, or both. */
export const credentialRole = z.enum(['management', 'bootstrap', 'any']);
export type CredentialRole = z.infer<typeof credentialRole>;

/** One credential of each kind that is named; kinds that are not named stay as they are. */
export const credentialsRequest = z
  .strictObject({
    psk: pskCredential.optional(),
    rpk: rpkCredential.optional(),
    x509: x509Credential.optional(),
    oscore: oscoreCredential.optional(),
    role: credentialRole.optional().describe('what they open: `management` (unless told) the edge, `bootstrap` the bootstrap server, `any` both. Each role has its own of each kind'),
    overlapS: z.number().int().min(0).max(366 * 86_400).optional()
      .describe('seconds for which a replaced credential stays valid at most. Unset: until the new one is first used; 0: not at all'),
  })
  .refine(({ psk, rpk, x509, oscore }) => psk ?? rpk ?? x509 ?? oscore, 'expected psk, rpk, x509 or oscore');
export type CredentialsRequest = z.infer<typeof credentialsRequest>;

export const credentialKind = z.enum(['psk', 'rpk', 'x509', 'oscore']);
export type CredentialKind = z.infer<typeof credentialKind>;

export const credentialView = z.object({
  version: z.number().int().describe('names this credential of the endpoint; never used again for another'),
  kind: credentialKind,
  role: credentialRole.optional().describe('what it opens; unset: management'),
  state: z.enum(['current', 'former']).describe('former: replaced, and still valid'),
  unproved: z.literal(true).optional().describe('made by the bootstrap server; the device has not used it yet'),
  createdAt: z.string(),
  validUntil: z.string().optional().describe('former: valid until then at the latest'),
  identity: z.string().optional().describe('psk'),
  identityHex: z.string().optional().describe('psk: an identity that is no text'),
  sha256: z.string().optional().describe('rpk: of its SubjectPublicKeyInfo; x509: of the certificate'),
  issuer: z.string().optional(),
  subject: z.string().optional(),
  senderIdHex: z.string().optional(),
  recipientIdHex: z.string().optional(),
});
export type CredentialView = z.infer<typeof credentialView>;

export const credentialList = z.array(credentialView).describe('in order of their versions');
