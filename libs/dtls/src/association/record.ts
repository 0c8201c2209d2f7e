/** An association as it is stored: one part that never changes, under its Connection ID, and one that moves, in the device's slot. */
import { EMPTY_BYTES, concatBytes, decodeUtf8Strict, encodeUtf8 } from '@cluster/bytes';
import { keyBlockLength } from '../keys/key-schedule.ts';
import { cipherSuite } from '../suites.ts';
import type { CipherSuite } from '../suites.ts';
import { WireReader } from '../wire/reader.ts';
import { uint16, uint32, uint48, uint8, vector16, vector8 } from '../wire/writer.ts';

const FIXED_VERSION = 1;
const MOVING_VERSION = 1;
const DEVICE_NUMBER = 6;
const ENCRYPT_THEN_MAC = 1;
const EXTENDED_MASTER_SECRET = 2;
const CID_AGREED = 4;
/** Set beside the kind of an identity: it has an end. */
const ENDS = 0x80;

/** How a peer proved who it is. */
export const IDENTITY_KINDS = ['psk', 'rpk', 'x509'] as const;
export type IdentityKind = (typeof IDENTITY_KINDS)[number];

export interface PeerIdentity {
  readonly kind: IdentityKind;
  /** PSK: the identity as it came. RPK and X.509: what the driver's verdict named. */
  readonly bytes: Uint8Array;
}

/** Whose credential it was: filled in by the driver's answer, given back at every takeover and resumption. */
export interface Credential {
  /** 48 bits as 8 base64url characters. */
  readonly deviceNumber: string;
  /** 32 bits; what was made under another version than the current one must be refused. */
  readonly credentialVersion: number;
  readonly identity: PeerIdentity;
  /** When it ends by itself: the first of its certificates does. ms on the clock that the engine is given; undefined: never. */
  readonly validUntilMs?: number;
}

/** What never changes. Holds keys: to be sealed before it is stored. */
export interface AssociationFixed {
  readonly suite: CipherSuite;
  readonly encryptThenMac: boolean;
  readonly extendedMasterSecret: boolean;
  readonly keyBlock: Uint8Array;
  /** Ours: the name under which it is stored, whether or not it is on the wire. */
  readonly cid: Uint8Array;
  /** Whether the peer puts our CID on its records. */
  readonly cidAgreed: boolean;
  /** The one we put on ours; empty for none. */
  readonly peerCid: Uint8Array;
  /** The most content bytes of a record the peer takes. */
  readonly sendLimit: number;
  /** 48 bytes where the CID serves as a session id to resume by, else empty. */
  readonly masterSecret: Uint8Array;
  /** When the credential was proved by a full handshake, ms on the clock that the engine is given. */
  readonly provedAtMs: number;
  readonly credential: Credential;
}

/** What moves. */
export interface AssociationMoving {
  /** The association it belongs to: the slot of a device has one at a time. */
  readonly cid: Uint8Array;
  /** Raised by each takeover. */
  readonly fence: number;
  /** No record has been sent with this sequence number or a higher one. */
  readonly sendEnd: number;
  /** No record with a higher sequence number has been accepted; -1: none at all. */
  readonly receiveCeiling: number;
  /** Opaque address text. */
  readonly peer: string;
}

export function encodeFixed(fixed: AssociationFixed): Uint8Array {
  const flags = (fixed.encryptThenMac ? ENCRYPT_THEN_MAC : 0) | (fixed.extendedMasterSecret ? EXTENDED_MASTER_SECRET : 0) | (fixed.cidAgreed ? CID_AGREED : 0);
  return concatBytes([
    uint8(FIXED_VERSION),
    uint8(flags),
    uint16(fixed.suite.id),
    fixed.keyBlock,
    vector8(fixed.cid),
    vector8(fixed.peerCid),
    uint16(fixed.sendLimit),
    vector8(fixed.masterSecret),
    uint48(fixed.provedAtMs),
    encodeCredential(fixed.credential),
  ]);
}

/** Undefined for what isn't a record of this version: the association is discarded, never guessed. */
export function decodeFixed(bytes: Uint8Array): AssociationFixed | undefined {
  const reader = new WireReader(new Uint8Array(bytes));
  const version = reader.uint8();
  const flags = reader.uint8();
  const suite = cipherSuite(reader.uint16());
  if (version !== FIXED_VERSION || suite === undefined) return undefined;
  const keyBlock = reader.take(keyBlockLength(suite.cipher));
  const cid = reader.vector8();
  const peerCid = reader.vector8();
  const sendLimit = reader.uint16();
  const masterSecret = reader.vector8();
  const provedAtMs = reader.uint48();
  const credential = readCredential(reader);
  if (!reader.ended || credential === undefined) return undefined;
  return {
    suite,
    encryptThenMac: (flags & ENCRYPT_THEN_MAC) !== 0,
    extendedMasterSecret: (flags & EXTENDED_MASTER_SECRET) !== 0,
    cidAgreed: (flags & CID_AGREED) !== 0,
    keyBlock,
    cid,
    peerCid,
    sendLimit,
    masterSecret,
    provedAtMs,
    credential,
  };
}

export function encodeCredential({ deviceNumber, credentialVersion, identity, validUntilMs }: Credential): Uint8Array {
  return concatBytes([
    Buffer.from(deviceNumber, 'base64url').subarray(0, DEVICE_NUMBER),
    uint32(credentialVersion),
    uint8(IDENTITY_KINDS.indexOf(identity.kind) | (validUntilMs === undefined ? 0 : ENDS)),
    vector16(identity.bytes),
    validUntilMs === undefined ? EMPTY_BYTES : uint48(validUntilMs),
  ]);
}

export function readCredential(reader: WireReader): Credential | undefined {
  const deviceNumber = Buffer.from(reader.take(DEVICE_NUMBER)).toString('base64url');
  const credentialVersion = reader.uint32();
  const form = reader.uint8();
  const kind = IDENTITY_KINDS[form & ~ENDS];
  const bytes = reader.vector16();
  const validUntilMs = (form & ENDS) === 0 ? undefined : reader.uint48();
  if (!reader.intact || kind === undefined) return undefined;
  return { deviceNumber, credentialVersion, identity: { kind, bytes }, ...(validUntilMs !== undefined && { validUntilMs }) };
}

export function encodeMoving({ cid, fence, sendEnd, receiveCeiling, peer }: AssociationMoving): Uint8Array {
  return concatBytes([uint8(MOVING_VERSION), vector8(cid), uint48(fence), uint48(sendEnd), uint48(receiveCeiling + 1), vector8(encodeUtf8(peer))]);
}

export function decodeMoving(bytes: Uint8Array): AssociationMoving | undefined {
  const reader = new WireReader(bytes);
  const version = reader.uint8();
  const cid = reader.vector8();
  const fence = reader.uint48();
  const sendEnd = reader.uint48();
  const receiveCeiling = reader.uint48() - 1;
  const peer = decodeUtf8Strict(reader.vector8());
  return version === MOVING_VERSION && reader.ended && peer !== undefined ? { cid, fence, sendEnd, receiveCeiling, peer } : undefined;
}
