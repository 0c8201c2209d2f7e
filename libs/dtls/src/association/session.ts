/** What resumes an association without its credential: a session under its id, or inside a ticket of the cluster's own (RFC 5077). */
import { concatBytes } from '@cluster/bytes';
import { createCipheriv, createDecipheriv } from '../crypto.ts';
import type { RandomBytes } from '../random.ts';
import { cipherSuite } from '../suites.ts';
import type { CipherSuite } from '../suites.ts';
import { WireReader } from '../wire/reader.ts';
import { uint16, uint48, uint8 } from '../wire/writer.ts';
import type { KeyRing } from './key-ring.ts';
import { ringKey } from './key-ring.ts';
import type { Credential } from './record.ts';
import { encodeCredential, readCredential } from './record.ts';

const VERSION = 1;
const MASTER_SECRET = 48;
const TICKET_NAME = Uint8Array.of(0x6c, 0x77, 0x6d, 0x74);
const NONCE = 12;
const TAG = 16;

/** The state that a resumption begins with; a part of the association's record. Holds the master secret. */
export interface Session {
  readonly suite: CipherSuite;
  readonly extendedMasterSecret: boolean;
  readonly masterSecret: Uint8Array;
  readonly credential: Credential;
  /** When the credential was proved, ms on the clock that the engine is given. */
  readonly provedAtMs: number;
}

export function encodeSession(session: Session): Uint8Array {
  return concatBytes([
    uint8(VERSION),
    uint8(session.extendedMasterSecret ? 1 : 0),
    uint16(session.suite.id),
    session.masterSecret,
    uint48(session.provedAtMs),
    encodeCredential(session.credential),
  ]);
}

export function decodeSession(bytes: Uint8Array): Session | undefined {
  const reader = new WireReader(new Uint8Array(bytes));
  const version = reader.uint8();
  const flags = reader.uint8();
  const suite = cipherSuite(reader.uint16());
  const masterSecret = reader.take(MASTER_SECRET);
  const provedAtMs = reader.uint48();
  const credential = readCredential(reader);
  if (version !== VERSION || !reader.ended || suite === undefined || credential === undefined) return undefined;
  return { suite, extendedMasterSecret: flags === 1, masterSecret, credential, provedAtMs };
}

/** A session sealed for its client to keep: name and key id, nonce, ciphertext, tag. */
export function sealTicket(ring: KeyRing, session: Session, random: RandomBytes): Uint8Array {
  const [{ id, key }] = ring;
  const header = concatBytes([TICKET_NAME, uint8(id)]);
  const nonce = random(NONCE);
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(header);
  const ciphertext = cipher.update(encodeSession(session));
  cipher.final();
  return concatBytes([header, nonce, ciphertext, cipher.getAuthTag()]);
}

/** Undefined for what isn't ours: the client then gets a full handshake (RFC 5077 §3.1). */
export function openTicket(ring: KeyRing, ticket: Uint8Array): Session | undefined {
  const header = ticket.subarray(0, TICKET_NAME.length + 1);
  const key = ringKey(ring, header[TICKET_NAME.length] ?? -1);
  const body = ticket.subarray(header.length + NONCE);
  if (key === undefined || body.length < TAG || !TICKET_NAME.every((byte, index) => header[index] === byte)) return undefined;
  const decipher = createDecipheriv('aes-256-gcm', key, ticket.subarray(header.length, header.length + NONCE), { authTagLength: TAG });
  decipher.setAAD(header).setAuthTag(body.subarray(-TAG));
  try {
    const plaintext = decipher.update(body.subarray(0, -TAG));
    decipher.final();
    return decodeSession(plaintext);
  } catch {
    return undefined;
  }
}
