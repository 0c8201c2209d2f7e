/** Whom the server trusts to vouch for devices: trust anchors, and the revocation lists of issuers. */
import { Buffer } from 'node:buffer';
import type { KeyObject } from '../crypto.ts';
import { type Certificate, parseCertificate } from './certificate.ts';
import { decodeIssuances, issuerDigest } from './issuance.ts';
import { parseRevocationList, type RevocationList } from './revocation-list.ts';
import { issuerKey, isSignedBy } from './signatures.ts';

export interface TrustAnchor {
  readonly certificate: Certificate;
  readonly key: KeyObject;
}

/** One block of a PEM file. RFC 7468 §2 */
export interface PemBlock {
  readonly label: string;
  readonly der: Uint8Array;
}

/** The blocks of a PEM text, in order; what stands between them is skipped. */
export function parsePem(text: string): PemBlock[] {
  const blocks = text.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----([A-Za-z0-9+/=\s]*)-----END \1-----/g);
  return [...blocks].map(([, label, body]) => ({ label: label!, der: Buffer.from(body!, 'base64') }));
}

export class TrustStore {
  readonly #anchors = new Map<string, TrustAnchor[]>();
  readonly #lists = new Map<string, RevocationList[]>();
  /** The list that was published last. */
  #published: RevocationList | undefined;
  /** Lists by the digests of their issuers, made when they are first asked for. */
  #byDigest: Map<string, RevocationList[]> | undefined;
  #anchorDigests: Set<string> | undefined;
  /** Of each list, the keys of issuers that it was verified with. */
  readonly #verified = new WeakMap<RevocationList, Map<KeyObject, boolean>>();

  /** Adds a trust anchor: a certificate of an issuer, or of one device. Returns why it can't be one. */
  addAnchor(der: Uint8Array): string | undefined {
    const certificate = parseCertificate(der);
    if (typeof certificate === 'string') return `is no certificate that can be used (${certificate})`;
    const key = issuerKey(certificate.spki);
    if (key === undefined) return 'has a key that is too weak or of an unknown kind';
    append(this.#anchors, certificate.subject, { certificate, key });
    this.#byDigest = undefined;
    this.#anchorDigests = undefined;
    return undefined;
  }

  /** Adds a revocation list. Returns why it can't be used. */
  addRevocationList(der: Uint8Array): string | undefined {
    const list = parseRevocationList(der);
    if (typeof list === 'string') return list;
    append(this.#lists, list.issuer, list);
    this.#byDigest = undefined;
    return undefined;
  }

  /** Takes the list of an issuer who publishes one after the other, instead of the one before. Returns why it can't be used. */
  publishRevocationList(der: Uint8Array): string | undefined {
    const list = parseRevocationList(der);
    if (typeof list === 'string') return list;
    const former = this.#published;
    if (former !== undefined) this.#lists.set(former.issuer, (this.#lists.get(former.issuer) ?? []).filter((each) => each !== former));
    append(this.#lists, list.issuer, list);
    this.#published = list;
    this.#byDigest = undefined;
    return undefined;
  }

  get size(): number {
    return this.#anchors.size;
  }

  /** The names of all anchors in DER: what a device is told when it is asked for a certificate. */
  get authorities(): Uint8Array[] {
    return [...this.#anchors.values()].map(([anchor]) => anchor!.certificate.subjectDer);
  }

  anchorsNamed(subject: string): readonly TrustAnchor[] {
    return this.#anchors.get(subject) ?? [];
  }

  /** The lists that the issuer with this name and key has signed. */
  listsOf(issuer: string, key: KeyObject): RevocationList[] {
    return (this.#lists.get(issuer) ?? []).filter((list) => this.#isVerified(list, key));
  }

  /** Whether a list that is known now has one of these certificates (see `CertificateJudgement.issuances`). */
  revokes(issuances: Uint8Array): boolean {
    return this.#lists.size > 0 && decodeIssuances(issuances).some(({ issuer, serial }) => this.#listsByDigest(issuer).some(({ revoked }) => revoked.has(serial)));
  }

  /** Whether an anchor of now has the name of the one that the path led to; true where there was none, or it was the device's own. */
  anchors(issuances: Uint8Array): boolean {
    const issuer = decodeIssuances(issuances).at(-1)?.issuer;
    this.#anchorDigests ??= new Set([...this.#anchors.keys()].map(issuerDigest));
    return issuer === undefined || this.#anchorDigests.has(issuer);
  }

  /** The issuer's key is not at hand: a list counts unless an anchor of its name did not sign it. */
  #listsByDigest(issuer: string): RevocationList[] {
    this.#byDigest ??= new Map([...this.#lists].map(([name, lists]) => [issuerDigest(name), lists.filter((list) => this.#mayCount(list))]));
    return this.#byDigest.get(issuer) ?? [];
  }

  #mayCount(list: RevocationList): boolean {
    const anchors = this.anchorsNamed(list.issuer);
    return anchors.length === 0 || anchors.some(({ key }) => this.#isVerified(list, key));
  }

  #isVerified(list: RevocationList, key: KeyObject): boolean {
    const known = this.#verified.get(list) ?? new Map<KeyObject, boolean>();
    this.#verified.set(list, known);
    // An issuer in between comes with a key object of its own each time: equal keys are one.
    for (const [each, verified] of known) if (each.equals(key)) return verified;
    const verified = isSignedBy(list.signed, key);
    if (known.size < MAX_KEYS_PER_LIST) known.set(key, verified);
    return verified;
  }
}

const MAX_KEYS_PER_LIST = 16;

function append<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const values = map.get(key);
  if (values === undefined) map.set(key, [value]);
  else values.push(value);
}
