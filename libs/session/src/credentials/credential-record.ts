/**
 * An endpoint's credentials as they are stored: in clear the versions that are valid, which is all that revocation asks
 * for, then everything, sealed.
 */
import { Decoder, Encoder } from 'cbor-x';
import type { Sealer } from '@cluster/secrets';
import { concatBytes } from '@cluster/bytes';
import type { DeviceNumber } from '../ports.ts';
import type { CredentialRole } from '@cluster/contracts';
import type { Credential, CredentialContent, CredentialSet, CredentialUse, MadeSecret } from './credential.ts';

/** A version that is valid, what it opens, and until when at most. */
export type LiveVersion = Pick<Credential, 'version' | 'role' | 'validUntilMs'>;

/** What stands in clear before the seal. */
export interface CredentialHead {
  readonly lastVersion: number;
  /** The interfaces for which there ever was a credential. */
  readonly everFor: readonly CredentialUse[];
  readonly live: readonly LiveVersion[];
}

/** Stored credentials that do not open: their master secret is missing, or they are damaged. */
export class CredentialsUnreadable extends Error {
  readonly code = 'CREDENTIALS_UNREADABLE';
}

const FORMAT = 2;
/** Format, count of live versions, roles ever had, last version. */
const HEAD_BYTES = 7;
/** Version, end in seconds, role. */
const LIVE_BYTES = 9;
/** In bits: what a role opens. */
const ROLE_BITS: Readonly<Record<CredentialRole, number>> = { management: 1, bootstrap: 2, any: 3 };
const ROLES: readonly (CredentialRole | undefined)[] = [undefined, 'management', 'bootstrap', 'any'];
const encoder = new Encoder({ useRecords: false, tagUint8Array: false });
const decoder = new Decoder({ useRecords: false, mapsAsObjects: true });

/** The bytes of a set. They open only for the same device. */
export function encodeCredentials(sealer: Sealer, number: DeviceNumber, set: CredentialSet): Uint8Array {
  const { credentials } = set;
  const head = new DataView(new ArrayBuffer(HEAD_BYTES + credentials.length * LIVE_BYTES));
  head.setUint8(0, FORMAT);
  head.setUint8(1, credentials.length);
  head.setUint8(2, bitsOf(set.everFor));
  head.setUint32(3, set.lastVersion);
  credentials.forEach(({ version, validUntilMs, role }, i) => {
    const at = HEAD_BYTES + i * LIVE_BYTES;
    head.setUint32(at, version);
    head.setUint32(at + 4, secondsOf(validUntilMs));
    head.setUint8(at + 8, ROLE_BITS[role]);
  });
  const body = encoder.encode([set.endpoint, credentials.map(packCredential), bitsOf(set.everFor)]);
  return concatBytes([new Uint8Array(head.buffer), sealer.seal(sealedName(number, set.lastVersion), body)]);
}

/** Reads a record back. Throws {@link CredentialsUnreadable}, also when the secret that sealed it is gone. */
export function decodeCredentials(sealer: Sealer, number: DeviceNumber, record: Uint8Array): CredentialSet {
  const { lastVersion, live, everFor } = readHead(record);
  const opened = sealer.open(sealedName(number, lastVersion), sealedPart(record));
  if (!opened.ok) throw new CredentialsUnreadable(`credentials of device ${number} do not open: ${opened.reason}`);
  const set = unpackSet(opened.plaintext, lastVersion);
  // The head stands outside of the seal: whoever could write it alone could revive what was revoked.
  if (liveText(set.credentials) !== liveText(live) || bitsOf(set.everFor) !== bitsOf(everFor)) throw new CredentialsUnreadable(`credentials of device ${number} contradict their head`);
  return set;
}

function liveText(live: readonly LiveVersion[]): string {
  return live.map(({ version, validUntilMs, role }) => `${version} ${secondsOf(validUntilMs)} ${role}`).join();
}

function bitsOf(roles: readonly CredentialRole[]): number {
  return roles.reduce((bits, role) => bits | ROLE_BITS[role], 0);
}

function usesIn(bits: number): CredentialUse[] {
  return (['management', 'bootstrap'] as const).filter((use) => (bits & ROLE_BITS[use]) !== 0);
}

/** What revocation asks for, without opening the seal. Throws {@link CredentialsUnreadable}. */
export function readHead(record: Uint8Array): CredentialHead {
  const count = record[1] ?? 0;
  if (record[0] !== FORMAT || record.length < HEAD_BYTES + count * LIVE_BYTES) throw new CredentialsUnreadable('credentials are damaged');
  const view = new DataView(record.buffer, record.byteOffset, record.byteLength);
  const live = Array.from({ length: count }, (_, i) => {
    const at = HEAD_BYTES + i * LIVE_BYTES;
    const seconds = view.getUint32(at + 4);
    const role = ROLES[view.getUint8(at + 8)];
    if (role === undefined) throw new CredentialsUnreadable('credentials are damaged');
    return { version: view.getUint32(at), role, ...(seconds === 0 ? {} : { validUntilMs: seconds * 1_000 }) };
  });
  return { lastVersion: view.getUint32(3), everFor: usesIn(view.getUint8(2)), live };
}

/** Whether the record is sealed under the current secret. */
export function isSealedCurrently(sealer: Sealer, record: Uint8Array): boolean {
  return sealer.isCurrent(sealedPart(record));
}

function sealedPart(record: Uint8Array): Uint8Array {
  return record.subarray(HEAD_BYTES + (record[1] ?? 0) * LIVE_BYTES);
}

/** Binds what is in clear, too: no version is given out twice. */
function sealedName(number: DeviceNumber, lastVersion: number): string {
  return `credentials:${number}:${lastVersion}`;
}

function secondsOf(ms: number | undefined): number {
  return ms === undefined ? 0 : Math.max(1, Math.floor(ms / 1_000));
}

const STATES: readonly Credential['state'][] = ['current', 'former'];

function packCredential(c: Credential): unknown[] {
  const made = c.unproved && [c.unproved.privateKey ?? null, c.unproved.certificate ?? null];
  return [c.version, c.createdAtMs, STATES.indexOf(c.state), c.validUntilMs ?? null, packContent(c.content), ROLE_BITS[c.role], made ?? null];
}

function packContent(content: CredentialContent): unknown[] {
  switch (content.kind) {
    case 'psk':
      return ['psk', content.identity, content.key];
    case 'rpk':
      return ['rpk', content.spki];
    case 'oscore':
      return ['oscore', content.masterSecret, content.salt, content.senderId, content.recipientId];
    case 'x509':
      return 'sha256' in content ? ['x509', content.sha256] : ['x509', content.issuer, content.subject];
  }
}

/** The bytes by which contents are compared. */
export function encodeContent(content: CredentialContent): Uint8Array {
  return encoder.encode(packContent(content));
}

function unpackSet(bytes: Uint8Array, lastVersion: number): CredentialSet {
  const [endpoint, credentials, everFor] = decoder.decode(bytes) as [string, unknown[][], number];
  return { endpoint, lastVersion, everFor: usesIn(everFor), credentials: credentials.map(unpackCredential) };
}

function unpackCredential(a: unknown[]): Credential {
  return {
    version: a[0] as number,
    createdAtMs: a[1] as number,
    state: STATES[a[2] as number] ?? 'former',
    ...(a[3] === null ? {} : { validUntilMs: a[3] as number }),
    content: unpackContent(a[4] as unknown[]),
    role: ROLES[a[5] as number] ?? 'management',
    ...(a[6] === null ? {} : { unproved: unpackSecret(a[6] as (Uint8Array | null)[]) }),
  };
}

function unpackSecret([privateKey, certificate]: (Uint8Array | null)[]): MadeSecret {
  return { ...(privateKey ? { privateKey } : {}), ...(certificate ? { certificate } : {}) };
}

function unpackContent([kind, ...a]: unknown[]): CredentialContent {
  const bytes = a as Uint8Array[];
  switch (kind) {
    case 'psk':
      return { kind, identity: bytes[0]!, key: bytes[1]! };
    case 'rpk':
      return { kind, spki: bytes[0]! };
    case 'oscore':
      return { kind, masterSecret: bytes[0]!, salt: bytes[1]!, senderId: bytes[2]!, recipientId: bytes[3]! };
    case 'x509':
      return a.length === 1 ? { kind, sha256: bytes[0]! } : { kind, issuer: a[0] as string, subject: a[1] as string };
    default:
      throw new CredentialsUnreadable('a credential of an unknown kind');
  }
}
