/**
 * Revokes certificates, and publishes the authority's list of those that are to all workers. Each step may be repeated;
 * whoever dies between two of them leaves a certificate that is marked as revoked, and the next publication has it.
 */
import { fromHex } from '@cluster/bytes';
import { parseRevocationList } from '@cluster/dtls';
import { Buffer } from 'node:buffer';
import type { CertificateAuthority } from './authority.ts';
import { type CertificateStore, type IssuedCertificate, REVOCATION_REASONS, type RevocationReason } from './store.ts';

/** Small documents that every worker reads; `DocumentStore` of `@cluster/session` is one. */
export interface PublishedDocuments {
  documents(set: string, known?: number): Promise<{ readonly version: number; readonly documents: ReadonlyMap<string, string> } | undefined>;
  putDocument(set: string, name: string, document: string, limit: { readonly documents: number; readonly bytes: number }): Promise<'stored' | 'unchanged' | 'full'>;
}

/** The set of documents that the list stands in, and its name there: DER in base64. */
const SET = 'revocations';
const NAME = 'list';

/** More certificates are revoked than one list can carry. */
export class RevocationsFull extends Error {
  readonly code = 'REVOCATIONS_FULL';
}

interface Deps {
  readonly authority: () => CertificateAuthority;
  readonly store: Pick<CertificateStore, 'revokeCertificate' | 'revokedCertificates'>;
  readonly documents: PublishedDocuments;
  /** Takes the certificate from the endpoint's credentials: what was made with it ends. */
  readonly withdraw: (endpoint: string, sha256: Uint8Array) => Promise<void>;
}

/** A list is good for a week, and made anew when half of it is over. */
const LIST_MS = 7 * 86_400_000;
const LIMIT = { documents: 1, bytes: 32 * 1_048_576 };
const TRIES = 4;

export class RevocationDesk {
  readonly #deps: Deps;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** Undefined: no such certificate is kept. One that is revoked stays as it is. */
  async revoke(serial: string, reason: RevocationReason, nowMs: number): Promise<IssuedCertificate | undefined> {
    const revoked = await this.#deps.store.revokeCertificate(serial, { atMs: nowMs, reason });
    if (revoked === undefined) return undefined;
    await this.#deps.withdraw(revoked.endpoint, fromHex(revoked.sha256)!);
    await this.publish(nowMs);
    return revoked;
  }

  /** The list as it is published, in DER. */
  async list(): Promise<Uint8Array | undefined> {
    const published = await this.#deps.documents.documents(SET);
    return published && listIn(published);
  }

  /** Publishes where what is published is old, or lacks what is revoked. True: it was necessary. */
  async renew(nowMs: number): Promise<boolean> {
    const der = await this.list();
    const published = der && parseRevocationList(der);
    if (published !== undefined && typeof published !== 'string' && (published.nextUpdateMs ?? 0) - nowMs > LIST_MS / 2) {
      const revoked = await this.#revoked(nowMs);
      if (revoked.every(({ serial }) => published.revoked.has(serial))) return false;
    }
    await this.publish(nowMs);
    return true;
  }

  /**
   * Two that publish at once could leave out what the other one has. So each looks once more, after it has published, for
   * what was revoked meanwhile.
   */
  async publish(nowMs: number): Promise<void> {
    let revoked = await this.#revoked(nowMs);
    for (let attempt = 0; attempt < TRIES; attempt++) {
      await this.#put(revoked, nowMs + attempt);
      const listed = new Set(revoked.map(({ serial }) => serial));
      const now = await this.#revoked(nowMs);
      if (now.every(({ serial }) => listed.has(serial))) return;
      revoked = now;
    }
  }

  async #put(revoked: readonly IssuedCertificate[], nowMs: number): Promise<void> {
    const { authority, documents } = this.#deps;
    const entries = revoked.map(({ serial, revocation }) => ({
      serial: fromHex(serial)!, revokedAtMs: revocation?.atMs ?? nowMs, reason: REVOCATION_REASONS[revocation?.reason ?? 'unspecified'],
    }));
    const list = authority().revocationList({ entries, number: nowMs, thisUpdateMs: nowMs, nextUpdateMs: nowMs + LIST_MS });
    const put = await documents.putDocument(SET, NAME, Buffer.from(list).toString('base64'), LIMIT);
    if (put === 'full') throw new RevocationsFull('more certificates are revoked than a list can carry');
  }

  /** What is over is refused for that. */
  async #revoked(nowMs: number): Promise<IssuedCertificate[]> {
    return (await this.#deps.store.revokedCertificates()).filter(({ notAfterMs }) => notAfterMs > nowMs);
  }
}

/** What a worker knows of the list, and how it hears of the next one. */
export class PublishedList {
  readonly #documents: Pick<PublishedDocuments, 'documents'>;
  #known: number | undefined;

  constructor(documents: Pick<PublishedDocuments, 'documents'>) {
    this.#documents = documents;
  }

  /** The list in DER, if it is another one than the last time, or was none then. */
  async next(): Promise<Uint8Array | undefined> {
    const published = await this.#documents.documents(SET, this.#known);
    this.#known = published?.version ?? this.#known;
    return published && listIn(published);
  }
}

function listIn({ documents }: { readonly documents: ReadonlyMap<string, string> }): Uint8Array | undefined {
  const list = documents.get(NAME);
  return list === undefined ? undefined : Buffer.from(list, 'base64');
}
