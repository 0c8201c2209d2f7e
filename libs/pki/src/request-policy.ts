/** Whether a device may have what its certification request asks for: a certificate for itself, to prove who it is. */
import { type CertificationRequest, type RequestFault } from './certification-request.ts';
import { Oid } from './encoding.ts';

export type RequestRefusal = RequestFault | 'names-differ' | 'unsupported-extension' | 'unsupported-use';

/** A subjectKeyIdentifier may be asked for, and is not given. */
const ALLOWED: ReadonlySet<string> = new Set([Oid.basicConstraints, Oid.keyUsage, Oid.extKeyUsage, Oid.subjectAltName, Oid.subjectKeyId]);

/**
 * `endpoint` is who the device proved to be. Its certificate names that alone, whatever else the request's subject has; a
 * request that names another is refused, so that nobody believes to hold a certificate that says more.
 */
export function judgeRequest({ subject, extensions, extensionTypes, otherNames }: CertificationRequest, endpoint: string): RequestRefusal | undefined {
  const names = [...subject.filter(({ type }) => type === 'CN').map(({ value }) => value), ...extensions.alternativeNames];
  if (otherNames || names.some((name) => name !== endpoint)) return 'names-differ';
  if (!extensionTypes.every((oid) => ALLOWED.has(oid))) return 'unsupported-extension';
  const { ca, keyUsage, purposes } = extensions;
  if (ca || keyUsage?.keyCertSign || keyUsage?.crlSign || keyUsage?.digitalSignature === false) return 'unsupported-use';
  return purposes?.some((oid) => oid !== Oid.clientAuth) ? 'unsupported-use' : undefined;
}
