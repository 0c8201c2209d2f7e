/** The record layer's frame: splits datagrams into records and writes record headers (RFC 6347 §4.1, RFC 9146 §4). */
import { EMPTY_BYTES } from '@cluster/bytes';
import { plainBytes } from '../wire/reader.ts';
import { putUint, putUint48 } from '../wire/writer.ts';

export const ContentType = {
  CHANGE_CIPHER_SPEC: 20,
  ALERT: 21,
  HANDSHAKE: 22,
  APPLICATION_DATA: 23,
  TLS12_CID: 25,
} as const;

export const DTLS_1_0 = 0xfeff;
export const DTLS_1_2 = 0xfefd;

/** Type, version, epoch, sequence number, length; a Connection ID comes before the length. */
export const RECORD_HEADER_LENGTH = 13;
/** RFC 6347 §4.1.1: a ciphertext may exceed 2^14 by 1024. */
export const MAX_PLAINTEXT = 0x4000;
const MAX_CIPHERTEXT = MAX_PLAINTEXT + 1_024;
/** Only one epoch is ever protected: there is no renegotiation. */
export const PROTECTED_EPOCH = 1;

/** One record as it stands in a datagram; `bytes` covers header and fragment. */
export interface WireRecord {
  readonly type: number;
  readonly epoch: number;
  readonly sequence: number;
  /** Empty unless the type is tls12_cid. */
  readonly cid: Uint8Array;
  readonly fragment: Uint8Array;
  readonly bytes: Uint8Array;
}

/** A record whose protection was removed. */
export interface OpenedRecord {
  readonly type: number;
  readonly content: Uint8Array;
}

/**
 * The records of a datagram, as views of it. Reading stops at the first that can't be one: what follows it can't be found.
 * `cidLength` is the length of all Connection IDs that this side gives out (RFC 9146 §3: the receiver knows it).
 */
export function splitDatagram(bytes: Uint8Array, cidLength: number): { records: WireRecord[]; intact: boolean } {
  const datagram = plainBytes(bytes);
  const records: WireRecord[] = [];
  let at = 0;
  while (at < datagram.length) {
    const record = readRecord(datagram, at, cidLength);
    if (record === undefined) return { records, intact: false };
    records.push(record);
    at += record.bytes.length;
  }
  return { records, intact: true };
}

/** A record that outlives its datagram, whose bytes the driver may use again. */
export function ownRecord(record: WireRecord): WireRecord {
  return { ...record, cid: record.cid.slice(), fragment: record.fragment.slice(), bytes: EMPTY_BYTES };
}

function readRecord(datagram: Uint8Array, at: number, cidLength: number): WireRecord | undefined {
  const type = datagram[at]!;
  const extra = type === ContentType.TLS12_CID ? cidLength : 0;
  const start = at + RECORD_HEADER_LENGTH + extra;
  if (start > datagram.length || !isKnownType(type) || (type === ContentType.TLS12_CID && cidLength === 0)) return undefined;
  const version = (datagram[at + 1]! << 8) | datagram[at + 2]!;
  const epoch = (datagram[at + 3]! << 8) | datagram[at + 4]!;
  if (version !== DTLS_1_2 && !(version === DTLS_1_0 && epoch === 0)) return undefined;
  const length = (datagram[start - 2]! << 8) | datagram[start - 1]!;
  if (length > MAX_CIPHERTEXT || start + length > datagram.length) return undefined;
  return {
    type,
    epoch,
    sequence: readUint48(datagram, at + 5),
    cid: extra === 0 ? EMPTY_BYTES : datagram.subarray(at + 11, at + 11 + extra),
    fragment: datagram.subarray(start, start + length),
    bytes: datagram.subarray(at, start + length),
  };
}

function isKnownType(type: number): boolean {
  return (type >= ContentType.CHANGE_CIPHER_SPEC && type <= ContentType.APPLICATION_DATA) || type === ContentType.TLS12_CID;
}

function readUint48(bytes: Uint8Array, at: number): number {
  let value = 0;
  for (let index = 0; index < 6; index++) value = value * 0x100 + bytes[at + index]!;
  return value;
}

/** A record of epoch 0, which nothing protects. */
export function plaintextRecord(type: number, sequence: number, fragment: Uint8Array, version = DTLS_1_2): Uint8Array {
  const record = new Uint8Array(RECORD_HEADER_LENGTH + fragment.length);
  writeHeader(record, { type, version, epoch: 0, sequence, cid: EMPTY_BYTES }, fragment.length);
  record.set(fragment, RECORD_HEADER_LENGTH);
  return record;
}

export interface RecordHeader {
  readonly type: number;
  readonly version: number;
  readonly epoch: number;
  readonly sequence: number;
  readonly cid: Uint8Array;
}

/** Writes a header to the beginning of `record`; returns where the fragment begins. */
export function writeHeader(record: Uint8Array, header: RecordHeader, fragmentLength: number): number {
  record[0] = header.type;
  putUint(record, 1, header.version, 2);
  putUint(record, 3, header.epoch, 2);
  putUint48(record, 5, header.sequence);
  record.set(header.cid, 11);
  const start = RECORD_HEADER_LENGTH + header.cid.length;
  putUint(record, start - 2, fragmentLength, 2);
  return start;
}
