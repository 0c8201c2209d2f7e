/** A flight as it leaves: messages cut to fragments that fit records and datagrams, change_cipher_spec where the epoch turns (RFC 6347 §4.2.3). */
import { concatBytes } from '@cluster/bytes';
import { HANDSHAKE_HEADER_LENGTH, encodeFragment } from '../messages/handshake.ts';
import type { HandshakeMessage } from '../messages/handshake.ts';
import { ContentType } from '../record/record.ts';

export type FlightPart =
  | { readonly kind: 'message'; readonly epoch: 0 | 1; readonly message: HandshakeMessage }
  | { readonly kind: 'change-cipher-spec' };

/** Turns content into records; every call takes a new sequence number. */
export interface RecordWriter {
  write(epoch: 0 | 1, type: number, content: Uint8Array): Uint8Array;
  overhead(epoch: 0 | 1): number;
}

/** Seals records of epoch 1 with numbers of its own. */
export interface NumberedSealer {
  /** How many more it may seal now. */
  readonly sendLeft: number;
  seal(type: number, content: Uint8Array): Uint8Array;
}

export interface FlightSizes {
  readonly maxDatagramBytes: number;
  /** Content bytes of one record. */
  readonly maxContentBytes: number;
}

/** Less than this at the end of a datagram isn't worth a fragment. */
const SMALLEST_FRAGMENT = 16;
const CHANGE_CIPHER_SPEC = Uint8Array.of(1);

/** The datagrams of a flight. Sent again, it gets new records: only messages repeat. */
export function encodeFlight(parts: readonly FlightPart[], writer: RecordWriter, sizes: FlightSizes): Uint8Array[] {
  const packer = new Packer(sizes.maxDatagramBytes);
  for (const part of parts) {
    if (part.kind === 'message') addMessage(packer, part.message, part.epoch, writer, sizes);
    else packer.add(writer.write(0, ContentType.CHANGE_CIPHER_SPEC, CHANGE_CIPHER_SPEC));
  }
  return packer.finish();
}

function addMessage(packer: Packer, message: HandshakeMessage, epoch: 0 | 1, writer: RecordWriter, sizes: FlightSizes): void {
  const { type, sequence, body } = message;
  const overhead = writer.overhead(epoch) + HANDSHAKE_HEADER_LENGTH;
  let offset = 0;
  do {
    const left = body.length - offset;
    if (packer.room - overhead < Math.min(left, SMALLEST_FRAGMENT)) packer.flush();
    const size = Math.max(1, Math.min(left, packer.room - overhead, sizes.maxContentBytes - HANDSHAKE_HEADER_LENGTH));
    const bytes = body.subarray(offset, offset + size);
    packer.add(writer.write(epoch, ContentType.HANDSHAKE, encodeFragment({ type, sequence, length: body.length, offset, bytes })));
    offset += size;
  } while (offset < body.length);
}

/** Fills datagrams with records. */
class Packer {
  readonly #max: number;
  readonly #datagrams: Uint8Array[] = [];
  #records: Uint8Array[] = [];
  #used = 0;

  constructor(max: number) {
    this.#max = max;
  }

  get room(): number {
    return this.#max - this.#used;
  }

  add(record: Uint8Array): void {
    if (record.length > this.room) this.flush();
    this.#records.push(record);
    this.#used += record.length;
  }

  flush(): void {
    if (this.#used === 0) return;
    this.#datagrams.push(concatBytes(this.#records));
    this.#records = [];
    this.#used = 0;
  }

  finish(): Uint8Array[] {
    this.flush();
    return this.#datagrams;
  }
}
