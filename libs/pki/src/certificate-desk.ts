/**
 * Issues certificates and keeps count of them: what was issued is kept before anybody gets it, so that it can be revoked.
 * An endpoint has a bounded number of them; beyond, those that end first are kept no longer.
 */
import { toHex } from '@cluster/bytes';
import { type Certificate, parseCertificate, type RandomBytes } from '@cluster/dtls';
import type { CertificateAuthority, OrderRefusal } from './authority.ts';
import { newSerial } from './serial.ts';
import type { CertificateStore, IssuedCertificate } from './store.ts';

export interface Issued {
  /** DER. */
  readonly certificate: Uint8Array;
  /** Of the DER. */
  readonly sha256: Uint8Array;
  readonly kept: IssuedCertificate;
}

interface Deps {
  /** As it is now: its files may change. */
  readonly authority: () => CertificateAuthority;
  readonly store: CertificateStore;
  readonly random: RandomBytes;
  readonly validityMs: number;
}

/** A device's clock may be behind by so much. */
const BACKDATED_MS = 3_600_000;
/** So many may one endpoint have: who asks again and again fills neither store nor revocation list. */
export const MAX_CERTIFICATES_OF_ENDPOINT = 16;
/** What is over is dropped in such parts, with each certificate that is issued. */
const DROPPED_AT_ONCE = 20;

export class CertificateDesk {
  readonly #deps: Deps;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  get authority(): CertificateAuthority {
    return this.#deps.authority();
  }

  /** `publicKey`: SubjectPublicKeyInfo of secp256r1. Rejects where the store is away: then nobody has the certificate. */
  async issue(endpoint: string, publicKey: Uint8Array, nowMs: number): Promise<Issued | OrderRefusal> {
    const { authority, store, random, validityMs } = this.#deps;
    const serial = newSerial(random);
    const der = await authority().issue({ endpoint, publicKey, serial, notBeforeMs: nowMs - BACKDATED_MS, notAfterMs: nowMs + validityMs });
    if (typeof der === 'string') return der;
    const { sha256, notBeforeMs, notAfterMs } = parseCertificate(der) as Certificate;
    const kept = { serial: toHex(serial), endpoint, sha256: toHex(sha256), notBeforeMs, notAfterMs };
    await store.putCertificate(kept);
    await this.#bound(kept, nowMs);
    return { certificate: der, sha256, kept };
  }

  async #bound({ endpoint, serial }: IssuedCertificate, nowMs: number): Promise<void> {
    const { store } = this.#deps;
    const others = (await store.certificatesOf(endpoint)).filter((each) => each.serial !== serial);
    const surplus = others.slice(0, Math.max(0, others.length + 1 - MAX_CERTIFICATES_OF_ENDPOINT));
    const over = await store.certificatesByExpiry({ untilMs: nowMs, limit: DROPPED_AT_ONCE });
    if (surplus.length + over.length > 0) await store.dropCertificates([...surplus, ...over]);
  }
}
