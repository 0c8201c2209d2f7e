/** Certificates alone in a PKCS #7: SignedData that nobody signed. RFC 5652 §5.1, RFC 7030 §4.1.3 */
import { Certificate, ContentInfo, EncapsulatedContentInfo, SignedData } from 'pkijs';
import { Oid } from './encoding.ts';

/** `certificates` in DER. */
export function certsOnly(certificates: readonly Uint8Array[]): Uint8Array {
  const content = new SignedData({
    version: 1,
    encapContentInfo: new EncapsulatedContentInfo({ eContentType: Oid.pkcs7Data }),
    certificates: certificates.map((der) => Certificate.fromBER(Uint8Array.from(der))),
  });
  const info = new ContentInfo({ contentType: Oid.signedData, content: content.toSchema(true) });
  return new Uint8Array(info.toSchema().toBER(false));
}
