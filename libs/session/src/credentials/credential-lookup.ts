/**
 * Who a device is by what it proved in a handshake, and whether that still holds. What was looked up is kept for at most
 * ten seconds: so long a revocation may take where its message got lost.
 */
import { equalBytes } from '@cluster/bytes';
import type { Sealer } from '@cluster/secrets';
import type { DeviceNumber, SessionStore } from '../ports.ts';
import { BoundedCache } from './bounded-cache.ts';
import { firstUsed } from './changes.ts';
import { type Credential, type CredentialContent, type CredentialSet, type CredentialUse, opens, type Psk, valid } from './credential.ts';
import { type CredentialHead, decodeCredentials, encodeCredentials, readHead } from './credential-record.ts';
import { giveBack } from './give-back.ts';
import { certificateName, identityName, issuedName, pskName, rpkName } from './names.ts';
import type { CredentialStore } from './store.ts';

/** What an association was made with: `Credential` of `@cluster/dtls` is one. */
export interface UsedCredential {
  readonly deviceNumber: DeviceNumber;
  readonly credentialVersion: number;
  /** When it ends by itself, as a certificate does. */
  readonly validUntilMs?: number;
}

/** A device that its credential names. */
export interface KnownDevice {
  readonly number: DeviceNumber;
  readonly endpoint: string;
  /** Of the credential: goes into all that is made with it, and is asked for by {@link CredentialLookup.headsOf}. */
  readonly version: number;
}

export interface PskCandidate extends KnownDevice {
  readonly key: Uint8Array;
}

export const MAX_CREDENTIAL_AGE_MS = 10_000;

interface Deps {
  readonly store: CredentialStore;
  readonly sessions: Pick<SessionStore, 'resolve'>;
  readonly sealer: Sealer;
  /** Devices whose credentials are kept in memory at most. */
  readonly cacheEntries: number;
  /** The interface that is asked for: what opens another one only is as unknown. */
  readonly use: CredentialUse;
}

type Matches = (content: CredentialContent) => boolean;

interface Found {
  readonly device: KnownDevice;
  readonly content: CredentialContent;
}

/** Every `nowMs` is of the store's clock. Calls throw `StoreUnavailable`, or `CredentialsUnreadable` where the secret is missing. */
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

  /** The device whose very certificate this is. */
  byFingerprint(sha256: Uint8Array, nowMs: number): Promise<KnownDevice | undefined> {
    return this.#byCertificateName(certificateName(sha256), nowMs);
  }

  /** The device whose certificates have this issuer and subject, both in canonical form. */
  byIssuedName(issuer: string, subject: string, nowMs: number): Promise<KnownDevice | undefined> {
    return this.#byCertificateName(issuedName(issuer, subject), nowMs);
  }

  /** Whether there ever were credentials of the endpoint for this interface: then they alone count. */
  async hasCredentials(endpoint: string): Promise<boolean> {
    const [number] = await this.#deps.sessions.resolve([endpoint]);
    if (number === undefined) return false;
    const [head] = await this.headsOf([number]);
    return head?.everFor.includes(this.#deps.use) === true;
  }

  /** The versions that are valid, by device, always as they are stored; undefined: it has no credentials and never had. */
  async headsOf(numbers: readonly DeviceNumber[]): Promise<(CredentialHead | undefined)[]> {
    const stored = await this.#deps.store.loadCredentials(numbers);
    return stored.map((each) => each && readHead(each.record));
  }

  /** Whether what each was made with still holds, always as it is stored: to be asked for what lives every ten seconds at least. */
  async areLive(credentials: readonly UsedCredential[], nowMs: number): Promise<boolean[]> {
    const heads = await this.headsOf(credentials.map(({ deviceNumber }) => deviceNumber));
    return credentials.map((used, i) => !isOver(used, nowMs) && this.isLive(heads[i], used.credentialVersion, nowMs));
  }

  /** Whether what was made with a version holds at this interface. */
  isLive(head: CredentialHead | undefined, version: number, nowMs: number): boolean {
    return isLive(head, version, this.#deps.use, nowMs);
  }

  /**
   * The device was served with it at this interface: a credential that this one replaced is over. At the edge that is a
   * Register that was answered, since a handshake alone does not show that the device can register.
   */
  async used({ deviceNumber: number, credentialVersion: version }: UsedCredential, nowMs: number): Promise<void> {
    const { store, sealer, use } = this.#deps;
    const known = this.#sets.get(number, nowMs);
    if (version === 0 || (known !== undefined && firstUsed(known, version, use) === undefined)) return;
    const [stored] = await store.loadCredentials([number]);
    if (stored === undefined) return;
    const before = decodeCredentials(sealer, number, stored.record);
    const next = firstUsed(before, version, use);
    this.forget(number);
    // Where it changed meanwhile, the next handshake does it.
    if (next === undefined || !(await store.commitCredentials(number, stored.version, encodeCredentials(sealer, number, next)))) return;
    const kept = identityNames(next);
    const gone = identityNames(before).filter((name) => !kept.includes(name));
    await giveBack(store, number, gone, async () => {
      const set = await this.#load(number, nowMs);
      return set === undefined ? [] : identityNames(set);
    });
  }

  /** Its credentials changed: the next lookup reads them anew. */
  forget(number: DeviceNumber): void {
    this.#sets.delete(number);
  }

  async #byCertificateName(name: string, nowMs: number): Promise<KnownDevice | undefined> {
    const [found] = await this.#find(name, nowMs, (content) => content.kind === 'x509' && identityName(content) === name);
    return found?.device;
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
    const { use } = this.#deps;
    const found = valid(set.credentials, nowMs).filter((each) => opens(each, use) && matches(each.content)).sort(currentFirst);
    return found.map((credential) => ({ device: { number, endpoint: set.endpoint, version: credential.version }, content: credential.content }));
  }

  async #load(number: DeviceNumber, nowMs: number): Promise<CredentialSet | undefined> {
    const [stored] = await this.#deps.store.loadCredentials([number]);
    const set = stored && decodeCredentials(this.#deps.sealer, number, stored.record);
    if (set === undefined) this.#sets.delete(number);
    else this.#sets.set(number, set, nowMs);
    return set;
  }
}

/** Whether it ended by itself: the store need not be asked. */
export function isOver({ validUntilMs = Infinity }: Pick<UsedCredential, 'validUntilMs'>, nowMs: number): boolean {
  return nowMs >= validUntilMs;
}

function identityNames({ credentials }: CredentialSet): string[] {
  return credentials.map(({ content }) => identityName(content));
}

function currentFirst(a: Credential, b: Credential): number {
  return Number(a.state === 'former') - Number(b.state === 'former');
}

/** Whether what was made with a version still holds. `version` 0: by the name in a certificate, while there never were credentials. */
export function isLive(head: CredentialHead | undefined, version: number, use: CredentialUse, nowMs: number): boolean {
  if (version === 0) return head?.everFor.includes(use) !== true;
  return head?.live.some((each) => each.version === version && opens(each, use) && (each.validUntilMs === undefined || nowMs < each.validUntilMs)) === true;
}
