/**
 * Who a device is by what it proved in a handshake, and whether that still holds. What was looked up is kept for at most
 * ten seconds: so long a revocation may take where its message got lost.
 */
import { equalBytes } from '@cluster/bytes';
import type { Sealer } from '@cluster/secrets';
import type { DeviceNumber, SessionStore } from '../ports.ts';
import { BoundedCache } from './bounded-cache.ts';
import { firstUsed } from './changes.ts';
import { type Credential, type CredentialContent, type CredentialSet, kindOf, type Psk, valid } from './credential.ts';
import { type CredentialHead, decodeCredentials, encodeCredentials, readHead } from './credential-record.ts';
import { certificateName, identityName, issuedName, pskName, rpkName } from './names.ts';
import type { CredentialStore } from './store.ts';

/** A device that its credential names. */
export interface KnownDevice {
  readonly number: DeviceNumber;
  readonly endpoint: string;
  /** Of the credential: goes into all that is made with it, and is asked for by {@link CredentialLookup.headsOf}. */
  readonly version: number;
  /** There is a former credential, which ends with {@link CredentialLookup.used}. */
  readonly replaces: boolean;
}

export interface PskCandidate extends KnownDevice {
  readonly key: Uint8Array;
}

/** A certificate that a trust anchor stands for and no credential names: its holder may be one of these endpoints. */
export interface CertifiedNames {
  readonly endpoints: readonly string[];
}

export interface PresentedCertificate {
  readonly sha256: Uint8Array;
  /** In canonical form. */
  readonly issuer: string;
  readonly subject: string;
  /** Names that it holds: subject alternative names and common name. */
  readonly names: readonly string[];
}

export const MAX_CREDENTIAL_AGE_MS = 10_000;
/** Names of one certificate that are looked up. */
const MAX_NAMES = 8;

interface Deps {
  readonly store: CredentialStore;
  readonly sessions: Pick<SessionStore, 'resolve'>;
  readonly sealer: Sealer;
  /** Devices whose credentials are kept in memory at most. */
  readonly cacheEntries: number;
}

type Matches = (content: CredentialContent) => boolean;

interface Found {
  readonly device: KnownDevice;
  readonly content: CredentialContent;
}

/** Every `nowMs` is of the store's clock. Calls throw `StoreUnavailable`, or `RecordUnreadable` where the secret is missing. */
export class CredentialLookup {
  readonly #deps: Deps;
  readonly #numbers: BoundedCache<string, DeviceNumber>;
  readonly #sets: BoundedCache<DeviceNumber, CredentialSet>;

  constructor(deps: Deps) {
    this.#deps = deps;
    this.#numbers = new BoundedCache(deps.cacheEntries, MAX_CREDENTIAL_AGE_MS);
    this.#sets = new BoundedCache(deps.cacheEntries, MAX_CREDENTIAL_AGE_MS);
  }

  /** The keys that go with an identity, the current one first: while a key is replaced under its identity there are two. */
  async byPskIdentity(identity: Uint8Array, nowMs: number): Promise<PskCandidate[]> {
    const found = await this.#find(pskName(identity), nowMs, (content) => content.kind === 'psk' && equalBytes(content.identity, identity));
    return found.map(({ device, content }) => ({ ...device, key: (content as Psk).key }));
  }

  /** `sha256`: of the SubjectPublicKeyInfo. */
  async bySpki(sha256: Uint8Array, nowMs: number): Promise<KnownDevice | undefined> {
    const name = rpkName(sha256);
    return (await this.#find(name, nowMs, (content) => content.kind === 'rpk' && identityName(content) === name))[0]?.device;
  }

  /**
   * By fingerprint, else by issuer and subject, else the endpoints that it names and that have no credentials of their
   * own: where an operator set some, they alone count. Undefined: it is nobody's.
   */
  async byCertificate(certificate: PresentedCertificate, nowMs: number): Promise<KnownDevice | CertifiedNames | undefined> {
    for (const name of [certificateName(certificate.sha256), issuedName(certificate.issuer, certificate.subject)]) {
      const [found] = await this.#find(name, nowMs, (content) => content.kind === 'x509' && identityName(content) === name);
      if (found !== undefined) return found.device;
    }
    const names = certificate.names.slice(0, MAX_NAMES);
    const numbers = await this.#deps.sessions.resolve(names);
    const stored = await this.#deps.store.loadCredentials(numbers.filter((number) => number !== undefined));
    let next = 0;
    const endpoints = names.filter((_, i) => numbers[i] === undefined || stored[next++] === undefined);
    return endpoints.length === 0 ? undefined : { endpoints };
  }

  /** The versions that are valid, by device, always as they are stored; undefined: it has no credentials and never had. */
  async headsOf(numbers: readonly DeviceNumber[]): Promise<(CredentialHead | undefined)[]> {
    const stored = await this.#deps.store.loadCredentials(numbers);
    return stored.map((each) => each && readHead(each.record));
  }

  /** The device completed a handshake: a credential that this one replaced is over. */
  async used({ number, version, replaces }: KnownDevice): Promise<void> {
    if (!replaces) return;
    const { store, sealer } = this.#deps;
    const [stored] = await store.loadCredentials([number]);
    if (stored === undefined) return;
    const before = decodeCredentials(sealer, number, stored.record);
    const next = firstUsed(before, version);
    this.forget(number);
    // Where it changed meanwhile, the next handshake does it.
    if (next === undefined || !(await store.commitCredentials(number, stored.version, encodeCredentials(sealer, number, next)))) return;
    const kept = next.credentials.map(({ content }) => identityName(content));
    const gone = before.credentials.map(({ content }) => identityName(content)).filter((name) => !kept.includes(name));
    await store.releaseNames(gone.map((name) => ({ name, number })));
  }

  /** Its credentials changed: the next lookup reads them anew. */
  forget(number: DeviceNumber): void {
    this.#sets.delete(number);
  }

  /** What is not found with what is kept in memory is asked of the store: it may have been set just now. */
  async #find(name: string, nowMs: number, matches: Matches): Promise<Found[]> {
    const kept = this.#numbers.get(name, nowMs);
    if (kept !== undefined) {
      const found = this.#matching(kept, this.#sets.get(kept, nowMs) ?? (await this.#load(kept, nowMs)), nowMs, matches);
      if (found.length > 0) return found;
      this.#numbers.delete(name);
    }
    const [number] = await this.#deps.store.findNames([name]);
    if (number === undefined) return [];
    const found = this.#matching(number, await this.#load(number, nowMs), nowMs, matches);
    if (found.length > 0) this.#numbers.set(name, number, nowMs);
    return found;
  }

  #matching(number: DeviceNumber, set: CredentialSet | undefined, nowMs: number, matches: Matches): Found[] {
    if (set === undefined) return [];
    const all = valid(set.credentials, nowMs);
    const found = all.filter(({ content }) => matches(content)).sort(currentFirst);
    return found.map((credential) => ({ device: known(number, set.endpoint, credential, all), content: credential.content }));
  }

  async #load(number: DeviceNumber, nowMs: number): Promise<CredentialSet | undefined> {
    const [stored] = await this.#deps.store.loadCredentials([number]);
    const set = stored && decodeCredentials(this.#deps.sealer, number, stored.record);
    if (set === undefined) this.#sets.delete(number);
    else this.#sets.set(number, set, nowMs);
    return set;
  }
}

function currentFirst(a: Credential, b: Credential): number {
  return Number(a.state === 'former') - Number(b.state === 'former');
}

function known(number: DeviceNumber, endpoint: string, credential: Credential, all: readonly Credential[]): KnownDevice {
  const replaces = credential.state === 'current' && all.some((each) => each.state === 'former' && kindOf(each) === kindOf(credential));
  return { number, endpoint, version: credential.version, replaces };
}

/** Whether what was made with a version still holds. `version` 0: by the name in a certificate, while there are no credentials. */
export function isLive(head: CredentialHead | undefined, version: number, nowMs: number): boolean {
  if (head === undefined) return version === 0;
  return head.live.some((each) => each.version === version && (each.validUntilMs === undefined || nowMs < each.validUntilMs));
}
