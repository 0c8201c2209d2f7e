/** Where the credentials of a document's accounts come from: made, taken from what stands, or written in the document. */
import type { BootstrapAccount, BootstrapDocument } from '@cluster/contracts';
import { encodeUtf8 } from '@cluster/bytes';
import { parseCertificate, parseSpki } from '@cluster/dtls';
import { sha256 } from '@cluster/secrets';
import { Buffer } from 'node:buffer';
import { type Credential, type CredentialContent, type CredentialSet, kindOf, type MadeSecret, opens } from '../credentials/credential.ts';
import { sameContent } from '../credentials/changes.ts';
import { pskOf, oscoreOf } from '../credentials/requests.ts';
import { type Given, isMadeFor, type Made, type Wanted } from '../credentials/staging.ts';
import type { OscoreMaterial, SecurityMaterial } from './account-writes.ts';

/** Makes credentials; comes in from outside, since it draws random numbers and holds the authority's key. */
export interface CredentialMaker {
  random(length: number): Uint8Array;
  /** Of secp256r1, in DER: SubjectPublicKeyInfo and PKCS#8. */
  keyPair(): { readonly spki: Uint8Array; readonly privateKey: Uint8Array };
  /** A certificate in DER for the endpoint, or why there is none; undefined: no authority is configured. */
  readonly certificate?: ((endpoint: string, spki: Uint8Array, nowMs: number) => Promise<Uint8Array | string>) | undefined;
}

/** A key of the servers of this cluster, and its certificates: its own first; none for a raw public key. */
export interface ServerKey {
  readonly names: readonly string[];
  readonly chain: readonly Uint8Array[];
  readonly publicKey: Uint8Array;
}

/** Why a device can not have what its configuration says; for operators and the flight record. */
export class ConfigurationImpossible extends Error {
  readonly code = 'CONFIGURATION_IMPOSSIBLE';
}

export interface CredentialPlan {
  readonly wanted: readonly Wanted[];
  readonly given: readonly Given[];
}

const EMPTY = new Uint8Array(0);
const PSK_BYTES = 32;
/** Unique by chance alone, says nothing of the device, and fits every client: 16 characters. */
const IDENTITY_BYTES = 12;
/** RFC 8613 §3.3: up to 7 bytes with AES-CCM-16-64-128. The device's id has to be unique. */
const OSCORE_ID_BYTES = 7;
const OSCORE_SECRET_BYTES = 16;
const OSCORE_SALT_BYTES = 8;
/** A certificate that was made before is given again if it holds for so long at least. */
const LEAST_VALIDITY_MS = 3_600_000;

interface Planned {
  readonly document: BootstrapDocument;
  readonly endpoint: string;
  /** What stands: something that was made and is given again is not made once more. */
  readonly held: CredentialSet;
  readonly maker: CredentialMaker;
  readonly nowMs: number;
}

/** What the accounts need of the credentials of the endpoint. Accounts of one role share what is made of a kind. */
export async function planCredentials(planned: Planned): Promise<CredentialPlan> {
  const wanted = new Map<string, Wanted>();
  const given: Given[] = [];
  for (const account of planned.document.accounts.filter(({ elsewhere }) => elsewhere !== true)) {
    const use = account.role;
    for (const kind of kindsOf(account)) {
      const from = sourceOf(account, kind);
      if (from === 'given') given.push({ use, kind });
      else if (!wanted.has(`${use} ${kind}`)) wanted.set(`${use} ${kind}`, await wantedOf(account, kind, planned));
    }
  }
  return { wanted: [...wanted.values()], given };
}

function kindsOf({ security: { mode }, oscore }: BootstrapAccount): CredentialContent['kind'][] {
  return [...(mode === 'nosec' || mode === 'est' ? [] : [mode]), ...(oscore === undefined ? [] : ['oscore' as const])];
}

function sourceOf({ security, oscore }: BootstrapAccount, kind: CredentialContent['kind']) {
  return kind === 'oscore' ? oscore?.from : 'from' in security ? security.from : undefined;
}

async function wantedOf(account: BootstrapAccount, kind: CredentialContent['kind'], { endpoint, held, maker, nowMs }: Planned): Promise<Wanted> {
  const use = account.role;
  if (sourceOf(account, kind) !== 'make') {
    const content = writtenContent(account, kind);
    return { use, kind, written: true, made: { content, secret: {} }, fits: (_, before) => sameContent(before, content) };
  }
  const fits = ({ certificate }: MadeSecret) => kind !== 'x509' || (certificate !== undefined && holds(certificate, nowMs));
  const before = held.credentials.find((each) => isMadeFor(each, { use, kind, fits }));
  if (before?.unproved !== undefined) return { use, kind, fits, made: { content: before.content, secret: before.unproved } };
  return { use, kind, fits, made: kind === 'x509' ? await makeCertificate(endpoint, maker, nowMs) : make(account, kind, maker) };
}

function make({ security }: BootstrapAccount, kind: Exclude<CredentialContent['kind'], 'x509'>, maker: CredentialMaker): Made {
  switch (kind) {
    case 'psk': {
      const identity = encodeUtf8(Buffer.from(maker.random(IDENTITY_BYTES)).toString('base64url'));
      const length = security.mode === 'psk' ? (security.keyBytes ?? PSK_BYTES) : PSK_BYTES;
      return { content: { kind, identity, key: maker.random(length) }, secret: {} };
    }
    case 'rpk': {
      const { spki, privateKey } = maker.keyPair();
      return { content: { kind, spki }, secret: { privateKey } };
    }
    case 'oscore': {
      const [masterSecret, salt] = [maker.random(OSCORE_SECRET_BYTES), maker.random(OSCORE_SALT_BYTES)];
      return { content: { kind, masterSecret, salt, senderId: maker.random(OSCORE_ID_BYTES), recipientId: maker.random(OSCORE_ID_BYTES) }, secret: {} };
    }
  }
}

async function makeCertificate(endpoint: string, maker: CredentialMaker, nowMs: number): Promise<Made> {
  if (maker.certificate === undefined) throw new ConfigurationImpossible('no certification authority is configured');
  const { spki, privateKey } = maker.keyPair();
  const certificate = await maker.certificate(endpoint, spki, nowMs);
  if (typeof certificate === 'string') throw new ConfigurationImpossible(`no certificate is issued: ${certificate}`);
  return { content: { kind: 'x509', sha256: sha256(certificate) }, secret: { privateKey, certificate } };
}

function holds(certificate: Uint8Array, nowMs: number): boolean {
  const parsed = parseCertificate(certificate);
  return typeof parsed !== 'string' && parsed.notAfterMs > nowMs + LEAST_VALIDITY_MS;
}

/** A credential that stands in the document itself. */
function writtenContent({ security, oscore }: BootstrapAccount, kind: CredentialContent['kind']): CredentialContent {
  if (kind === 'oscore' && typeof oscore?.from === 'object') return oscoreOf(oscore.from);
  if (security.mode === 'psk' && typeof security.from === 'object') return pskOf(security.from);
  if (security.mode === 'rpk' && typeof security.from === 'object') return { kind: 'rpk', spki: parseSpki(bytesOf(security.from.publicKeyBase64))?.der ?? EMPTY };
  if (security.mode === 'x509' && typeof security.from === 'object') return { kind: 'x509', sha256: sha256(bytesOf(security.from.certificateBase64)) };
  throw new ConfigurationImpossible(`${kind} has no source`);
}

function bytesOf(base64: string): Uint8Array {
  return Buffer.from(base64, 'base64');
}

/** What goes into the Security object instance of an account. `set`: the credentials as they stand once all are staged. */
export function materialOf(account: BootstrapAccount, set: CredentialSet, keys: readonly ServerKey[]): SecurityMaterial {
  return { ...keysOf(account, set, keys), oscore: oscoreMaterial(account, set) };
}

function keysOf(account: BootstrapAccount, set: CredentialSet, keys: readonly ServerKey[]): SecurityMaterial {
  const { security } = account;
  switch (security.mode) {
    case 'nosec':
      return { publicKeyOrIdentity: EMPTY, serverPublicKey: EMPTY, secretKey: EMPTY };
    case 'psk': {
      const content = typeof security.from === 'object' ? pskOf(security.from) : standing(account, set, 'psk').content;
      if (content.kind !== 'psk') throw new ConfigurationImpossible('psk has no source');
      return { publicKeyOrIdentity: content.identity, serverPublicKey: EMPTY, secretKey: content.key };
    }
    case 'rpk': {
      const serverPublicKey = security.serverPublicKeyBase64 === undefined ? rawKey(keys) : bytesOf(security.serverPublicKeyBase64);
      if (typeof security.from === 'object') return { publicKeyOrIdentity: bytesOf(security.from.publicKeyBase64), serverPublicKey, secretKey: bytesOf(security.from.privateKeyBase64) };
      const { content, unproved } = standing(account, set, 'rpk');
      const own = security.from === 'make' && content.kind === 'rpk';
      return { publicKeyOrIdentity: own ? content.spki : EMPTY, serverPublicKey, secretKey: (own ? unproved?.privateKey : undefined) ?? EMPTY };
    }
    case 'x509': {
      const serverPublicKey = serverCertificate(account, keys);
      if (typeof security.from === 'object') return { publicKeyOrIdentity: bytesOf(security.from.certificateBase64), serverPublicKey, secretKey: bytesOf(security.from.privateKeyBase64) };
      const { unproved } = standing(account, set, 'x509');
      return { publicKeyOrIdentity: unproved?.certificate ?? EMPTY, serverPublicKey, secretKey: unproved?.privateKey ?? EMPTY };
    }
    // OMA Transport 1.1.1 §5.2.4, row B16: the device makes its key and enrols.
    case 'est':
      return { publicKeyOrIdentity: EMPTY, serverPublicKey: serverCertificate(account, keys), secretKey: EMPTY };
  }
}

/** The current credential of the kind: that of the role alone goes before one that opens both. */
function standing({ role }: BootstrapAccount, { credentials }: CredentialSet, kind: CredentialContent['kind']): Credential {
  const fitting = credentials.filter((each) => each.state === 'current' && kindOf(each) === kind && opens(each, role));
  const found = fitting.find((each) => each.role === role) ?? fitting[0];
  if (found === undefined) throw new ConfigurationImpossible(`no ${kind} credential is set for the endpoint (${role})`);
  return found;
}

function oscoreMaterial(account: BootstrapAccount, set: CredentialSet): OscoreMaterial | undefined {
  if (account.oscore === undefined) return undefined;
  const content = typeof account.oscore.from === 'object' ? oscoreOf(account.oscore.from) : standing(account, set, 'oscore').content;
  return content.kind === 'oscore' ? content : undefined;
}

function rawKey(keys: readonly ServerKey[]): Uint8Array {
  const key = keys.find(({ chain }) => chain.length === 0) ?? keys[0];
  if (key === undefined) throw new ConfigurationImpossible('the server has no raw public key');
  return key.publicKey;
}

/** Usages 0 and 2 name who issued the server's certificate; 1 and 3 the certificate itself. OMA Transport 1.1.1 §5.2.8.7 */
function serverCertificate({ security, uri }: BootstrapAccount, keys: readonly ServerKey[]): Uint8Array {
  if (security.mode !== 'x509' && security.mode !== 'est') return EMPTY;
  if (security.serverCertificateBase64 !== undefined) return bytesOf(security.serverCertificateBase64);
  const host = (security.sni ?? new URL(uri).hostname).toLowerCase();
  const certified = keys.filter(({ chain }) => chain.length > 0);
  const chain = (certified.find(({ names }) => names.includes(host)) ?? certified[0])?.chain ?? [];
  const issuer = security.usage === 0 || security.usage === 2;
  const certificate = issuer ? chain.at(-1) : chain[0];
  if (certificate === undefined) throw new ConfigurationImpossible('the server has no certificate');
  if (issuer && chain.length === 1 && !isSelfSigned(certificate)) throw new ConfigurationImpossible('the file of the server’s certificate lacks its issuer: give serverCertificateBase64');
  return certificate;
}

function isSelfSigned(der: Uint8Array): boolean {
  const parsed = parseCertificate(der);
  return typeof parsed !== 'string' && parsed.issuer === parsed.subject;
}

