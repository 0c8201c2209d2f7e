/**
 * A certification authority: issues certificates to devices and lists those that it revoked (RFC 5280). It keeps nothing:
 * who may have what, and what was issued, is decided elsewhere.
 */
import { equalBytes } from '@cluster/bytes';
import { type Certificate as ParsedCertificate, parseCertificate, parseSpki } from '@cluster/dtls';
import { Certificate, PublicKeyInfo } from 'pkijs';
import { createPublicKey, cryptoEngine, type KeyObject, type SigningKey, signingKey } from './crypto.ts';
import {
  authorityKeyId, basicConstraints, integerOf, keyUsage, nameOf, Oid, purpose, timeOf, uriName,
} from './encoding.ts';
import { endpointNames } from './endpoint-names.ts';
import { encodeRevocationList, type RevocationListOrder } from './revocation-list.ts';

/** What a certificate is to say. Times are ms since 1970; seconds count. */
export interface CertificateOrder {
  readonly endpoint: string;
  /** SubjectPublicKeyInfo of secp256r1 in DER. */
  readonly publicKey: Uint8Array;
  /** Content of the INTEGER: positive, 20 bytes at most, of at least 64 random bits. RFC 5280 §4.1.2.2 */
  readonly serial: Uint8Array;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** `endpoint-unusable`: a certificate can't name it. `authority-over`: the authority's own certificate is not valid in that time. */
export type OrderRefusal = 'endpoint-unusable' | 'key-unusable' | 'authority-over';

const V3 = 2;
const DIGITAL_SIGNATURE = 0;

export class CertificateAuthority {
  /** Its own certificate and those of its issuers, in DER, its own first. */
  readonly chain: readonly Uint8Array[];
  readonly #own: ParsedCertificate;
  /** As pkijs takes it, byte by byte as it stands in its certificate. */
  readonly #name: Certificate['subject'];
  readonly #signing: SigningKey;

  private constructor(chain: readonly Uint8Array[], own: ParsedCertificate, signing: SigningKey) {
    this.chain = chain;
    this.#own = own;
    this.#name = Certificate.fromBER(Uint8Array.from(own.der)).subject;
    this.#signing = signing;
  }

  /** `chain`: its own certificate first. A text says why it can be no authority. */
  static open(chain: readonly Uint8Array[], privateKey: KeyObject): CertificateAuthority | string {
    const certificates = chain.map(parseCertificate);
    const bad = certificates.findIndex((each) => typeof each === 'string');
    if (chain.length === 0) return 'holds no certificate';
    if (bad >= 0) return `certificate ${bad + 1} can not be used (${certificates[bad] as string})`;
    const [own, ...issuers] = certificates as [ParsedCertificate, ...ParsedCertificate[]];
    const gap = [own, ...issuers].findIndex(({ issuer }, i, all) => all[i + 1] !== undefined && issuer !== all[i + 1]!.subject);
    if (gap >= 0) return `certificate ${gap + 2} is not the issuer of the one before it`;
    const { ca, keyUsage: usage } = own.extensions;
    if (!ca || usage?.keyCertSign === false || usage?.crlSign === false) return 'certificate 1 may not issue certificates and revocation lists';
    if (!equalBytes(own.spki, createPublicKey(privateKey).export({ format: 'der', type: 'spki' }))) return 'the private key is not that of certificate 1';
    const signing = signingKey(privateKey);
    return signing === undefined ? 'the private key is of a kind that is not supported' : new CertificateAuthority(chain, own, signing);
  }

  get notAfterMs(): number {
    return this.#own.notAfterMs;
  }

  /** Issues a certificate to a device, in DER. Its validity ends with the authority's own at the latest. */
  async issue({ endpoint, publicKey, serial, notBeforeMs, notAfterMs }: CertificateOrder): Promise<Uint8Array | OrderRefusal> {
    const names = endpointNames(endpoint);
    if (names === undefined) return 'endpoint-unusable';
    const key = parseSpki(publicKey);
    if (key === undefined) return 'key-unusable';
    const [from, to] = [Math.max(notBeforeMs, this.#own.notBeforeMs), Math.min(notAfterMs, this.#own.notAfterMs)];
    if (from >= to) return 'authority-over';
    const certificate = new Certificate({ version: V3, serialNumber: integerOf(serial) });
    certificate.issuer = this.#name;
    certificate.notBefore = timeOf(from);
    certificate.notAfter = timeOf(to);
    certificate.subject = nameOf(names.commonName);
    certificate.subjectPublicKeyInfo = PublicKeyInfo.fromBER(Uint8Array.from(key.der));
    certificate.extensions = [
      basicConstraints(false), keyUsage([DIGITAL_SIGNATURE]), purpose(Oid.clientAuth), ...this.#keyId(),
      ...(names.uri === undefined ? [] : [uriName(names.uri, names.commonName === undefined)]),
    ];
    await certificate.sign(this.#signing.key, this.#signing.hash, cryptoEngine);
    return new Uint8Array(certificate.toSchema(true).toBER(false));
  }

  /** A complete list of what it revoked, in DER. */
  revocationList(order: RevocationListOrder): Uint8Array {
    const { algorithm, sign } = this.#signing;
    return encodeRevocationList(order, { name: this.#own.subjectDer, keyId: this.#own.extensions.subjectKeyId, algorithm, sign });
  }

  #keyId() {
    const { subjectKeyId } = this.#own.extensions;
    return subjectKeyId === undefined ? [] : [authorityKeyId(subjectKeyId)];
  }
}
