/**
 * Credentials that a bootstrap session is to bring to a device: made, stored and accepted before the first byte of them
 * is sent. Pure: a set in, a set out.
 *
 * Nothing ends here. What stood before becomes former, and is valid until the device used what was made. A device that
 * comes again before it did is given the same again: however often it comes, of a kind and role there is one at most that
 * was made and not used, and one more that does not fit any more.
 */
import { replaceEachOther, sameContent, withCredentials } from './changes.ts';
import { type Credential, type CredentialContent, type CredentialSet, type CredentialUse, isEnrolled, kindOf, type MadeSecret, valid } from './credential.ts';

/** A credential as it comes from its maker. */
export interface Made {
  readonly content: CredentialContent;
  readonly secret: MadeSecret;
}

/** One credential that the device is to have. */
export interface Wanted {
  readonly use: CredentialUse;
  readonly kind: CredentialContent['kind'];
  /** Taken if there is none that was made before and fits. */
  readonly made: Made;
  /** An operator wrote it: where it stands already, it is not stored twice. */
  readonly written?: true;
  /** Whether one made before still fits; a certificate may be over. */
  readonly fits?: (secret: MadeSecret, content: CredentialContent) => boolean;
}

/** A credential that stands, by kind and role, and is given to the device as well. */
export type Given = Pick<Wanted, 'use' | 'kind'>;

export interface Staging {
  readonly set: CredentialSet;
  /** In the order of the wanted ones. */
  readonly staged: readonly Credential[];
}

export function stageCredentials(set: CredentialSet, wanted: readonly Wanted[], given: readonly Given[], nowMs: number): Staging {
  const kept = valid(set.credentials, nowMs);
  let { lastVersion } = set;
  const staged = wanted.map((want): Credential => {
    const before = kept.find((each) => isMadeFor(each, want)) ?? kept.find((each) => want.written === true && each.role === want.use && sameContent(each.content, want.made.content));
    if (before !== undefined) return { ...before, state: 'current' };
    lastVersion += 1;
    return { version: lastVersion, createdAtMs: nowMs, state: 'current', role: want.use, unproved: want.made.secret, content: want.made.content };
  });
  const stays = (each: Credential) => given.some(({ use, kind }) => each.role === use && kindOf(each) === kind);
  const left = kept.filter((each) => !staged.some(({ version }) => version === each.version));
  const others = left
    .filter((each) => !isStale(each, left, wanted))
    .map((each) => (!stays(each) && staged.some((next) => replaceEachOther(each, next)) ? { ...each, state: 'former' as const } : each));
  const next = [...others, ...staged];
  const same = next.length === set.credentials.length && next.every((each) => isUnchanged(each, set.credentials));
  return { set: same ? set : withCredentials({ ...set, lastVersion }, next), staged };
}

/** A device that comes again costs no write. */
function isUnchanged(each: Credential, before: readonly Credential[]): boolean {
  return before.some(({ version, state }) => version === each.version && state === each.state);
}

export function isMadeFor(each: Credential, want: Pick<Wanted, 'use' | 'kind' | 'fits'>): boolean {
  const { unproved, content } = each;
  if (unproved === undefined || each.role !== want.use || kindOf(each) !== want.kind) return false;
  if (isEnrolled(each)) return false;
  return want.fits?.(unproved, content) ?? true;
}

/** Made before, never used, and does not fit any more: the device may have the last one of these, and is given another. */
function isStale(each: Credential, left: readonly Credential[], wanted: readonly Wanted[]): boolean {
  const isUnfit = (one: Credential) => one.unproved !== undefined && one.role === each.role && kindOf(one) === kindOf(each);
  if (!isUnfit(each) || !wanted.some((want) => each.role === want.use && kindOf(each) === want.kind)) return false;
  return left.some((other) => isUnfit(other) && other.version > each.version);
}
