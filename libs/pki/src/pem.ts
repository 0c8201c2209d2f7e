/** PEM (RFC 7468), written; it is read by `parsePem` of `@cluster/dtls`. */
import { Buffer } from 'node:buffer';

/** One block, its lines of 64 characters. RFC 7468 §2 */
export function pemBlock(label: string, der: Uint8Array): string {
  const lines = Buffer.from(der).toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
