/**
 * The names by which credentials are found: digests, so that each is short, shows no identity, and takes any bytes. A
 * PSK's own name is of a keyed digest; it shows that two devices share a key without keeping the key.
 */
import { encodeUtf8 } from '@cluster/bytes';
import { canonicalName, parseNameText } from '@cluster/dtls';
import { keyedDigest, type KeyRing, sha256 } from '@cluster/secrets';
import { Buffer } from 'node:buffer';
import type { CredentialContent, Psk } from './credential.ts';

/** Enough that nobody finds two contents with one name. */
const DIGEST_BYTES = 16;

function digestName(kind: string, digest: Uint8Array): string {
  return kind + Buffer.from(digest.subarray(0, DIGEST_BYTES)).toString('base64url');
}

export function pskName(identity: Uint8Array): string {
  return digestName('p', sha256(identity));
}

/** `digest`: SHA-256 of the SubjectPublicKeyInfo. */
export function rpkName(digest: Uint8Array): string {
  return digestName('r', digest);
}

/** `digest`: SHA-256 of the certificate. */
export function certificateName(digest: Uint8Array): string {
  return digestName('c', digest);
}

/** Names in canonical form. */
export function issuedName(issuer: string, subject: string): string {
  return digestName('n', sha256(encodeUtf8(`${issuer}\n${subject}`)));
}

/** The id by which a device's OSCORE messages are told: its sender id, the server's recipient id. */
function oscoreName(recipientId: Uint8Array): string {
  return digestName('o', sha256(recipientId));
}

/** The name under which others find the credential. */
export function identityName(content: CredentialContent): string {
  switch (content.kind) {
    case 'psk':
      return pskName(content.identity);
    case 'rpk':
      return rpkName(sha256(content.spki));
    case 'oscore':
      return oscoreName(content.recipientId);
    case 'x509':
      if ('sha256' in content) return certificateName(content.sha256);
      return issuedName(canonicalName(parseNameText(content.issuer) ?? []), canonicalName(parseNameText(content.subject) ?? []));
  }
}

/** The names of a PSK's key, under the current secret first and the former ones: whoever has one of them has this key. */
export function keyNames(ring: KeyRing, { key }: Psk): [current: string, ...former: string[]] {
  const [current, ...former] = ring.all('sharing').map((each) => digestName('k', keyedDigest(each.key, key)));
  return [current!, ...former];
}
