/**
 * Judges the certificates that a device presents (RFC 5280 §6): is there a way from the device's own to a trust anchor,
 * by valid certificates of issuers, none of them revoked? The alert of a refusal is that of OMA Transport 1.1.1 §5.2.9,
 * by which the device decides whether it tries again or goes to its bootstrap server.
 */
import { equalBytes, toHex } from '@cluster/bytes';
import type { KeyObject } from '../crypto.ts';
import { type Certificate, type HolderNames, holderNames, MAX_CERTIFICATE_BYTES, parseCertificate } from './certificate.ts';
import { encodeIssuances } from './issuance.ts';
import { isKnownAlgorithm, issuerKey, isSignedBy, type SignatureCheck } from './signatures.ts';
import { parseSpki } from './spki.ts';
import type { TrustAnchor, TrustStore } from './trust-store.ts';

export interface CertificatePolicy {
  readonly nowMs: number;
  readonly trust: TrustStore;
  /** Whether each issuer must have a revocation list that is not out of date. */
  readonly requireRevocationLists: boolean;
  /** An operator named this very certificate: it needs nobody who vouches for it (certificate usage 3). */
  readonly pinned?: boolean;
}

export type CertificateJudgement =
  | {
      readonly ok: true;
      /** The device's key, of secp256r1. */
      readonly spki: KeyObject;
      readonly sha256: Uint8Array;
      /** In canonical form. */
      readonly subject: string;
      readonly issuer: string;
      /** What the endpoint name is compared with. OMA Transport 1.1.1 §5.2.6 */
      readonly names: HolderNames;
      /** What `TrustStore.revokes` is asked for later: the certificates of the path. Empty for one that was pinned. */
      readonly issuances: Uint8Array;
      /** From when on the same chain would be refused: the first of the path is over then, the trust anchor included. */
      readonly validUntilMs: number;
    }
  | { readonly ok: false; readonly alert: number; readonly reason: CertificateRefusal };

export type CertificateRefusal =
  | 'none' | 'malformed' | 'too-many' | 'too-large' | 'unsupported' | 'unsupported-key' | 'unsupported-use' | 'bad-signature'
  | 'not-yet-valid' | 'expired' | 'revoked' | 'revocation-unknown' | 'unknown-issuer' | 'issuer-not-allowed';

/** RFC 5246 §7.2.2; those of OMA's class "fail", but for the missing certificate (RFC 5246 §7.4.6). */
const ALERTS: Readonly<Record<CertificateRefusal, number>> = {
  none: 40, // handshake_failure
  malformed: 42, // bad_certificate
  'too-many': 42,
  'too-large': 42,
  'bad-signature': 42,
  unsupported: 43, // unsupported_certificate
  'unsupported-key': 43,
  'unsupported-use': 43,
  revoked: 44, // certificate_revoked
  'not-yet-valid': 45, // certificate_expired: "has expired or is not currently valid"
  expired: 45,
  'revocation-unknown': 46, // certificate_unknown
  'unknown-issuer': 48, // unknown_ca
  'issuer-not-allowed': 48,
};

const MAX_CHAIN = 6;
const MAX_CHAIN_BYTES = 2 * MAX_CERTIFICATE_BYTES;
/** Public-key operations that one handshake may cost. */
const MAX_VERIFICATIONS = 8;
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';
const ANY_PURPOSE = '2.5.29.37.0';

/** A judgement under way: yields each signature that is to be checked, takes whether it is valid. */
export type Judging<Result = CertificateJudgement> = Generator<SignatureCheck, Result, boolean>;

/** Judges where it stands. Never throws. */
export function judgeCertificate(chain: readonly Uint8Array[], policy: CertificatePolicy): CertificateJudgement {
  const judging = judgingCertificate(chain, policy);
  let step = judging.next();
  while (step.done !== true) step = judging.next(isSignedBy(step.value.signed, step.value.key));
  return step.value;
}

/** `chain` as in the Certificate message: the device's own first. The caller checks the signatures, wherever it likes. Never throws. */
export function* judgingCertificate(chain: readonly Uint8Array[], policy: CertificatePolicy): Judging {
  const parsed = parseChain(chain);
  if (typeof parsed === 'string') return refused(parsed);
  const [leaf, ...others] = parsed as [Certificate, ...Certificate[]];
  const key = parseSpki(leaf.spki)?.key;
  if (key === undefined) return refused('unsupported-key');
  const path = new Path(others, policy);
  const refusal = judgeLeaf(leaf, policy.nowMs) ?? (policy.pinned ? undefined : yield* path.judge(leaf));
  if (refusal !== undefined) return refused(refusal);
  const { sha256, subject, issuer } = leaf;
  return { ok: true, spki: key, sha256, subject, issuer, names: holderNames(leaf), issuances: encodeIssuances(path.found), validUntilMs: Math.min(overAtMs(leaf), path.overAtMs) };
}

function refused(reason: CertificateRefusal): CertificateJudgement {
  return { ok: false, alert: ALERTS[reason], reason };
}

function parseChain(chain: readonly Uint8Array[]): Certificate[] | CertificateRefusal {
  if (chain.length === 0) return 'none';
  if (chain.length > MAX_CHAIN) return 'too-many';
  if (chain.reduce((bytes, der) => bytes + der.length, 0) > MAX_CHAIN_BYTES) return 'too-large';
  const parsed: Certificate[] = [];
  for (const der of chain) {
    const certificate = parseCertificate(der);
    if (certificate === 'not-v3') return 'unsupported';
    if (typeof certificate === 'string') return certificate;
    parsed.push(certificate);
  }
  return parsed;
}

function judgeLeaf(leaf: Certificate, nowMs: number): CertificateRefusal | undefined {
  const { keyUsage, purposes, unsupported } = leaf.extensions;
  if (unsupported !== undefined) return 'unsupported';
  if (keyUsage?.digitalSignature === false) return 'unsupported-use'; // RFC 5246 §7.4.6
  if (purposes !== undefined && !purposes.some((oid) => oid === CLIENT_AUTH || oid === ANY_PURPOSE)) return 'unsupported-use';
  return judgeTimes(leaf, nowMs);
}

function judgeTimes({ notBeforeMs, notAfterMs }: Certificate, nowMs: number): CertificateRefusal | undefined {
  if (nowMs < notBeforeMs) return 'not-yet-valid';
  return nowMs >= overAtMs({ notAfterMs }) ? 'expired' : undefined;
}

/** It is valid through its last second. */
function overAtMs({ notAfterMs }: Pick<Certificate, 'notAfterMs'>): number {
  return notAfterMs + 1_000;
}

/** The search for a way to a trust anchor, through what the device sent, at a bounded cost. */
class Path {
  readonly #others: readonly Certificate[];
  readonly #policy: CertificatePolicy;
  #verifications = 0;
  /** The certificates of the way that led to an anchor, which is not among them. */
  found: readonly Certificate[] = [];
  /** When the first of that way is over, its anchor included. */
  overAtMs = Infinity;

  constructor(others: readonly Certificate[], policy: CertificatePolicy) {
    this.#others = others;
    this.#policy = policy;
  }

  judge(leaf: Certificate): Judging<CertificateRefusal | undefined> {
    return this.#climb(leaf, [leaf]);
  }

  /** Undefined: a way from the last of `path` is found. Otherwise why the way that came furthest ends. */
  *#climb(certificate: Certificate, path: readonly Certificate[]): Judging<CertificateRefusal | undefined> {
    const { trust } = this.#policy;
    if (trust.anchorsNamed(certificate.subject).some((anchor) => equalBytes(anchor.certificate.der, certificate.der))) {
      this.#arrived(path.slice(0, -1), certificate);
      return undefined;
    }
    if (!isKnownAlgorithm(certificate.signed.algorithm)) return 'unsupported';
    let refusal: CertificateRefusal | undefined;
    for (const anchor of trust.anchorsNamed(certificate.issuer)) {
      const found = yield* this.#judgeIssuer(certificate, anchor, path);
      if (found === undefined) {
        this.#arrived(path, anchor.certificate);
        return undefined;
      }
      refusal = further(refusal, found);
    }
    for (const issuer of this.#others) {
      if (issuer.subject !== certificate.issuer || path.includes(issuer)) continue;
      const key = issuerKey(issuer.spki);
      const found =
        key === undefined
          ? 'unsupported-key'
          : ((yield* this.#judgeIssuer(certificate, { certificate: issuer, key }, path)) ?? (yield* this.#climb(issuer, [...path, issuer])));
      if (found === undefined) return undefined;
      refusal = further(refusal, found);
    }
    return refusal ?? 'unknown-issuer';
  }

  #arrived(found: readonly Certificate[], anchor: Certificate): void {
    this.found = found;
    this.overAtMs = Math.min(...[...found, anchor].map(overAtMs));
  }

  /** Whether this issuer may stand above the last of `path`, and has not revoked it. */
  *#judgeIssuer(certificate: Certificate, { certificate: issuer, key }: TrustAnchor, path: readonly Certificate[]): Judging<CertificateRefusal | undefined> {
    const { extensions } = issuer;
    const { authorityKeyId } = certificate.extensions;
    if (authorityKeyId && extensions.subjectKeyId && !equalBytes(authorityKeyId, extensions.subjectKeyId)) return 'unknown-issuer';
    if (++this.#verifications > MAX_VERIFICATIONS) return 'too-many';
    if (!(yield { signed: certificate.signed, key })) return 'bad-signature';
    if (extensions.unsupported !== undefined) return 'unsupported';
    if (!extensions.ca || extensions.keyUsage?.keyCertSign === false) return 'issuer-not-allowed';
    // RFC 5280 §4.2.1.9: issuers between it and the device's own certificate, those who issued to themselves not counted.
    const between = path.slice(1).filter(({ subject, issuer: by }) => subject !== by).length;
    if (extensions.pathLength !== undefined && between > extensions.pathLength) return 'issuer-not-allowed';
    return judgeTimes(issuer, this.#policy.nowMs) ?? this.#judgeRevocation(certificate, { certificate: issuer, key });
  }

  /** What a list once revoked stays revoked, also when the list is out of date. */
  #judgeRevocation({ serial }: Certificate, { certificate: issuer, key }: TrustAnchor): CertificateRefusal | undefined {
    const { trust, nowMs, requireRevocationLists } = this.#policy;
    const lists = issuer.extensions.keyUsage?.crlSign === false ? [] : trust.listsOf(issuer.subject, key);
    if (lists.some(({ revoked }) => revoked.has(toHex(serial)))) return 'revoked';
    const current = lists.some(({ thisUpdateMs, nextUpdateMs }) => thisUpdateMs <= nowMs && nowMs <= (nextUpdateMs ?? Infinity));
    return requireRevocationLists && !current ? 'revocation-unknown' : undefined;
  }
}

/** What tells most: an issuer that is not known says less than one that is and refuses. */
function further(one: CertificateRefusal | undefined, other: CertificateRefusal): CertificateRefusal {
  return one === undefined || one === 'unknown-issuer' || one === 'bad-signature' ? other : one;
}

/** What a device presents, by which its credential is found, before anybody judges it; undefined: nothing that can be read. */
export function describeCertificate(der: Uint8Array): { sha256: Uint8Array; issuer: string; subject: string; names: HolderNames } | undefined {
  const certificate = parseCertificate(der);
  if (typeof certificate === 'string') return undefined;
  return { sha256: certificate.sha256, issuer: certificate.issuer, subject: certificate.subject, names: holderNames(certificate) };
}
