/** How an endpoint's credentials change: set with overlap, first used, removed. Pure: a set in, a set out. */
import type { Credential, CredentialContent, CredentialSet } from './credential.ts';
import { kindOf, valid } from './credential.ts';
import { encodeContent } from './credential-record.ts';
import { equalBytes } from '@cluster/bytes';

export interface Setting {
  readonly nowMs: number;
  /** How long the replaced one stays valid at most; undefined: until the new one is used. */
  readonly overlapMs: number | undefined;
}

export function noCredentials(endpoint: string): CredentialSet {
  return { endpoint, lastVersion: 0, credentials: [] };
}

/**
 * Makes `content` the current credential of its kind. The one that it replaces stays valid as former; while there is a
 * former one already, that one stays, since the device is known to have no newer one, and the replaced one is dropped.
 * A content that is current already changes nothing but the former's time; that of the former becomes current again.
 */
export function setCredential(set: CredentialSet, content: CredentialContent, { nowMs, overlapMs }: Setting): CredentialSet {
  const kept = valid(set.credentials, nowMs);
  const others = kept.filter((each) => kindOf(each) !== content.kind);
  const current = kept.find((each) => kindOf(each) === content.kind && each.state === 'current');
  const former = kept.find((each) => kindOf(each) === content.kind && each.state === 'former');
  const same = [current, former].find((each) => each !== undefined && sameContent(each.content, content));
  const version = same?.version ?? set.lastVersion + 1;
  const next: Credential = { version, createdAtMs: same?.createdAtMs ?? nowMs, state: 'current', content };
  const replaced = [former, current].find((each) => each !== undefined && each !== same);
  const stays = same !== undefined && same === former ? undefined : replaced;
  const repeated = same !== undefined && same === current && overlapMs === undefined;
  const formers = stays === undefined ? [] : repeated ? [stays] : asFormer(stays, nowMs, overlapMs);
  return {
    ...set,
    lastVersion: Math.max(set.lastVersion, version),
    credentials: [...others, ...formers, next].sort((a, b) => a.version - b.version),
  };
}

function asFormer({ version, createdAtMs, content }: Credential, nowMs: number, overlapMs: number | undefined): Credential[] {
  if (overlapMs === 0) return [];
  return [{ version, createdAtMs, content, state: 'former', ...(overlapMs === undefined ? {} : { validUntilMs: nowMs + overlapMs }) }];
}

function sameContent(left: CredentialContent, right: CredentialContent): boolean {
  return equalBytes(encodeContent(left), encodeContent(right));
}

/** A device was seen to use the credential: a former one of its kind is over. Undefined: nothing changes. */
export function firstUsed(set: CredentialSet, version: number): CredentialSet | undefined {
  const used = set.credentials.find((each) => each.version === version);
  if (used?.state !== 'current') return undefined;
  const credentials = set.credentials.filter((each) => kindOf(each) !== kindOf(used) || each === used);
  return credentials.length === set.credentials.length ? undefined : { ...set, credentials };
}

/** Removes one credential, or all. Undefined: there is none. Where the current one is removed, a former one stays former. */
export function removeCredentials(set: CredentialSet, which: number | 'all'): CredentialSet | undefined {
  const credentials = set.credentials.filter(({ version }) => which !== 'all' && version !== which);
  return credentials.length === set.credentials.length ? undefined : { ...set, credentials };
}
