/** From what a caller sends to contents, and from contents to what a caller is shown: secrets go in, never out. */
import type { CredentialsRequest, CredentialView } from '@cluster/contracts';
import { decodeUtf8Strict, encodeUtf8, equalBytes, fromHex, toHex } from '@cluster/bytes';
import { parseNameText, parseSpki } from '@cluster/dtls';
import { sha256 } from '@cluster/secrets';
import { Buffer } from 'node:buffer';
import type { Credential, CredentialContent, Oscore, PinnedCertificate, NamedCertificate, Psk, Rpk } from './credential.ts';

/** A fault in a request; `path` is the field. */
export interface CredentialFault {
  readonly path: string;
  readonly message: string;
}

type Parsed<T> = T | CredentialFault;

/** The contents that a request sets, or everything that is wrong with it. */
export function parseCredentials(request: CredentialsRequest): { contents: CredentialContent[]; faults: CredentialFault[] } {
  const parsed: Parsed<CredentialContent>[] = [];
  if (request.psk) parsed.push(pskOf(request.psk));
  if (request.rpk) parsed.push(rpk(request.rpk));
  if (request.x509) parsed.push(x509(request.x509));
  if (request.oscore) parsed.push(oscore(request.oscore));
  return {
    contents: parsed.filter((each): each is CredentialContent => 'kind' in each),
    faults: parsed.filter((each): each is CredentialFault => !('kind' in each)),
  };
}

function bytesOf(hex: string | undefined): Uint8Array {
  return fromHex(hex ?? '') ?? new Uint8Array(0);
}

/** Of a request that has the right shape. */
export function pskOf(given: NonNullable<CredentialsRequest['psk']>): Psk {
  const identity = 'identity' in given ? encodeUtf8(given.identity) : bytesOf(given.identityHex);
  return { kind: 'psk', identity, key: bytesOf(given.keyHex) };
}

function rpk({ spkiBase64 }: NonNullable<CredentialsRequest['rpk']>): Parsed<Rpk> {
  const parsed = parseSpki(Buffer.from(spkiBase64, 'base64'));
  if (parsed === undefined) return { path: 'rpk.spkiBase64', message: 'expected a SubjectPublicKeyInfo of secp256r1 in DER' };
  return { kind: 'rpk', spki: parsed.der };
}

function x509(given: NonNullable<CredentialsRequest['x509']>): Parsed<PinnedCertificate | NamedCertificate> {
  if ('sha256' in given) {
    const digest = fromHex(given.sha256.replaceAll(':', ''));
    return digest?.length === 32 ? { kind: 'x509', sha256: digest } : { path: 'x509.sha256', message: 'expected 32 bytes in hex' };
  }
  for (const field of ['issuer', 'subject'] as const) {
    if (parseNameText(given[field]) === undefined) return { path: `x509.${field}`, message: 'expected a name as RFC 4514, e.g. CN=Example CA,O=Example' };
  }
  return { kind: 'x509', issuer: given.issuer, subject: given.subject };
}

function oscore(given: NonNullable<CredentialsRequest['oscore']>): Parsed<Oscore> {
  const context = oscoreOf(given);
  // RFC 8613 §3.3: the ids of a context differ.
  return equalBytes(context.senderId, context.recipientId) ? { path: 'oscore.recipientIdHex', message: 'expected another id than senderIdHex' } : context;
}

export function oscoreOf(given: NonNullable<CredentialsRequest['oscore']>): Oscore {
  const [senderId, recipientId] = [bytesOf(given.senderIdHex), bytesOf(given.recipientIdHex)];
  return { kind: 'oscore', masterSecret: bytesOf(given.masterSecretHex), salt: bytesOf(given.saltHex), senderId, recipientId };
}

/** What may be shown of a credential. */
export function credentialView({ version, state, createdAtMs, validUntilMs, content, role, unproved }: Credential): CredentialView {
  return {
    version,
    kind: content.kind,
    ...(role === 'management' ? {} : { role }),
    state,
    ...(unproved === undefined ? {} : { unproved: true }),
    createdAt: new Date(createdAtMs).toISOString(),
    ...(validUntilMs === undefined ? {} : { validUntil: new Date(validUntilMs).toISOString() }),
    ...shown(content),
  };
}

function shown(content: CredentialContent): Partial<CredentialView> {
  switch (content.kind) {
    case 'psk': {
      const identity = decodeUtf8Strict(content.identity);
      return identity === undefined ? { identityHex: toHex(content.identity) } : { identity };
    }
    case 'rpk':
      return { sha256: toHex(sha256(content.spki)) };
    case 'oscore':
      return { senderIdHex: toHex(content.senderId), recipientIdHex: toHex(content.recipientId) };
    case 'x509':
      return 'sha256' in content ? { sha256: toHex(content.sha256) } : { issuer: content.issuer, subject: content.subject };
  }
}
