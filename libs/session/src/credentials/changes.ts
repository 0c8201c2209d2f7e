/** How an endpoint's credentials change: set with overlap, first used, removed. Pure: a set in, a set out. */
import type { CredentialRole } from '@cluster/contracts';
import type { Credential, CredentialContent, CredentialSet, CredentialUse } from './credential.ts';
import { kindOf, opens, usesOf, valid } from './credential.ts';
import { encodeContent } from './credential-record.ts';
import { equalSecrets } from '@cluster/secrets';

export interface Setting {
  readonly nowMs: number;
  readonly role: CredentialRole;
  /** How long the replaced one stays valid at most; undefined: until the new one is used. */
  readonly overlapMs: number | undefined;
}

export function noCredentials(endpoint: string): CredentialSet {
  return { endpoint, lastVersion: 0, everFor: [], credentials: [] };
}

/**
 * Makes `content` the current credential of its kind and role. The one that it replaces stays valid as former; while
 * there is a former one already, that one stays, since the device is known to have no newer one, and the replaced one is
 * dropped, unless the device may have been given it. A content that is current already changes nothing but the former's
 * time; that of the former becomes current again.
 */
export function setCredential(set: CredentialSet, content: CredentialContent, { nowMs, role, overlapMs }: Setting): CredentialSet {
  const kept = valid(set.credentials, nowMs);
  const rivals = kept.filter((each) => kindOf(each) === content.kind && each.role === role);
  const current = rivals.find(({ state }) => state === 'current');
  const formers = rivals.filter(({ state }) => state === 'former');
  const same = rivals.find((each) => sameContent(each.content, content));
  const version = same?.version ?? set.lastVersion + 1;
  const next: Credential = { version, createdAtMs: same?.createdAtMs ?? nowMs, state: 'current', role, content };
  const repeated = same !== undefined && same === current && overlapMs === undefined;
  const replaced = same?.state === 'former' ? [] : replacedBy(next, current, formers);
  const stay = repeated ? replaced : replaced.flatMap((each) => asFormer(each, nowMs, overlapMs));
  return withCredentials({ ...set, lastVersion: Math.max(set.lastVersion, version) }, [
    ...kept.filter((each) => !rivals.includes(each)), ...stay, next,
  ]);
}

function replacedBy({ version }: Credential, current: Credential | undefined, formers: readonly Credential[]): Credential[] {
  if (current === undefined || current.version === version) return [...formers];
  return formers.length === 0 || current.unproved !== undefined ? [...formers, current] : [...formers];
}

/** The set with these credentials, in order, and with what they add to what it ever had. */
export function withCredentials(set: CredentialSet, credentials: readonly Credential[]): CredentialSet {
  const everFor = new Set<CredentialUse>([...set.everFor, ...credentials.flatMap(({ role }) => usesOf(role))]);
  return { ...set, everFor: [...everFor], credentials: [...credentials].sort((a, b) => a.version - b.version) };
}

function asFormer({ validUntilMs: _, ...credential }: Credential, nowMs: number, overlapMs: number | undefined): Credential[] {
  if (overlapMs === 0) return [];
  return [{ ...credential, state: 'former', ...(overlapMs === undefined ? {} : { validUntilMs: nowMs + overlapMs }) }];
}

export function sameContent(left: CredentialContent, right: CredentialContent): boolean {
  return equalSecrets(encodeContent(left), encodeContent(right));
}

/** OSCORE protects messages beside what DTLS does: neither replaces the other. */
export function replaceEachOther(left: Credential, right: Credential): boolean {
  return left.role === right.role && (left.content.kind === 'oscore') === (right.content.kind === 'oscore');
}

/**
 * A device was seen to use the credential at an interface: what it replaced is over. One that was made for the device ends
 * all that stood there before, whatever its kind; one that an operator set ends former ones of its kind. Undefined:
 * nothing changes.
 */
export function firstUsed(set: CredentialSet, version: number, use: CredentialUse): CredentialSet | undefined {
  const used = set.credentials.find((each) => each.version === version && opens(each, use));
  if (used === undefined) return undefined;
  const credentials = set.credentials
    .filter((each) => each === used || !isEndedBy(each, used))
    .map((each) => (each === used ? proved(used) : each));
  return credentials.length === set.credentials.length && used.unproved === undefined ? undefined : { ...set, credentials };
}

function isEndedBy(each: Credential, used: Credential): boolean {
  if (each.state === 'current' || !replaceEachOther(each, used)) return false;
  if (used.unproved === undefined) return used.state === 'current' && kindOf(each) === kindOf(used);
  // One that was replaced meanwhile shows only that the device has none that is older.
  return used.state === 'current' || each.version < used.version;
}

function proved({ unproved: _, ...credential }: Credential): Credential {
  return credential;
}

/** Removes one credential, or all. Undefined: there is none. Where the current one is removed, a former one stays former. */
export function removeCredentials(set: CredentialSet, which: number | 'all'): CredentialSet | undefined {
  const credentials = set.credentials.filter(({ version }) => which !== 'all' && version !== which);
  return credentials.length === set.credentials.length ? undefined : { ...set, credentials };
}
