/**
 * Certificates that devices enrol for (EST): accepted from before they are sent. What a device had holds until it is seen to
 * use the new one, and so does the one that it was given before, since it may have got that alone.
 */
import { equalBytes } from '@cluster/bytes';
import { replaceEachOther, setCredential, withCredentials } from './changes.ts';
import { type Credential, type CredentialSet, isEnrolled, kindOf, type PinnedCertificate, valid } from './credential.ts';
import { CredentialKeeper, type CredentialKeeperDeps } from './credential-keeper.ts';
import type { DeviceNumber } from '../ports.ts';

/** Whose certificate it is. */
export interface Enrolling {
  readonly number: DeviceNumber;
  readonly endpoint: string;
  /** SHA-256 of the certificate that the device showed. */
  readonly certificate?: Uint8Array | undefined;
}

export interface Enrolled {
  /** DER. */
  readonly certificate: Uint8Array;
  readonly sha256: Uint8Array;
}

/**
 * The set with an enrolled certificate as current. It opens what the certificate opened that the device showed; else
 * registration. Of those that were given and not used, two stay: this one and the one before.
 */
export function enrolCertificate(set: CredentialSet, { certificate, sha256 }: Enrolled, shown: Uint8Array | undefined, nowMs: number): CredentialSet {
  const held = valid(set.credentials, nowMs);
  const role = held.find((each) => shown !== undefined && isPinned(each, shown))?.role ?? 'management';
  const isOutdated = (each: Credential) => each.role === role && kindOf(each) === 'x509' && each.state === 'former' && each.unproved !== undefined;
  const content: PinnedCertificate = { kind: 'x509', sha256 };
  const next = setCredential({ ...set, credentials: held.filter((each) => !isOutdated(each)) }, content, { nowMs, role, overlapMs: undefined });
  const enrolled = next.credentials.find((each) => isPinned(each, sha256))!;
  return withCredentials(next, next.credentials.map((each) => {
    if (each === enrolled) return { ...each, unproved: { certificate } };
    return replaceEachOther(each, enrolled) ? { ...each, state: 'former' } : each;
  }));
}

function isPinned({ content }: Credential, sha256: Uint8Array): boolean {
  return content.kind === 'x509' && 'sha256' in content && equalBytes(content.sha256, sha256);
}

export class EnrolledCertificates {
  readonly #keeper: CredentialKeeper;
  readonly #timeMs: () => Promise<number>;

  constructor(deps: CredentialKeeperDeps) {
    this.#keeper = new CredentialKeeper(deps);
    this.#timeMs = deps.timeMs;
  }

  /** The newest that the device enrolled for and was not seen to use, in DER, unless something else took its place. */
  async unused({ number, endpoint }: Enrolling): Promise<Uint8Array | undefined> {
    const { set } = await this.#keeper.load(number, endpoint);
    const newest = valid(set.credentials, await this.#timeMs()).findLast((each) => each.state === 'current' && isEnrolled(each));
    return newest?.unproved?.certificate;
  }

  /** False: the certificate is another device's. */
  async install({ number, endpoint, certificate: shown }: Enrolling, enrolled: Enrolled): Promise<boolean> {
    const content: PinnedCertificate = { kind: 'x509', sha256: enrolled.sha256 };
    const change = await this.#keeper.change(number, endpoint, (set, nowMs) => ({ set: enrolCertificate(set, enrolled, shown, nowMs), contents: [content] }));
    return change.outcome === 'changed';
  }

  /** The certificate is revoked: what was made with it ends. False: the device had no such one. */
  async revoke({ number, endpoint }: Enrolling, sha256: Uint8Array): Promise<boolean> {
    return this.#keeper.reduce(number, endpoint, (set) => {
      const credentials = set.credentials.filter((each) => !isPinned(each, sha256));
      return credentials.length === set.credentials.length ? undefined : { ...set, credentials };
    });
  }
}
