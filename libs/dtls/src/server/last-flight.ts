/** Our last flight, kept until the peer shows that it came: by the worker that sent it, and in the store for one that takes over before that. */
import { concatBytes } from '@cluster/bytes';
import type { FlightPart, FlightSizes, NumberedSealer, RecordWriter } from '../handshake/flight.ts';
import { encodeFlight } from '../handshake/flight.ts';
import { decodeFragments, encodeMessage } from '../messages/handshake.ts';
import { RECORD_HEADER_LENGTH, plaintextRecord } from '../record/record.ts';
import { WireReader } from '../wire/reader.ts';
import { uint16, uint48, uint8, vector16 } from '../wire/writer.ts';

const VERSION = 1;
/** Records of epoch 0 that a former owner may have sent since it stored the flight. */
const FORMER_RECORDS = 0x1_0000;
/** A repeated Finished is answered no more often than this, and so many times in all. */
const MIN_GAP_MS = 200;
const MAX_REPEATS = 20;
/** More protected records than the flight has. */
const PROTECTED_RECORDS = 4;

export class LastFlight {
  /** The message_seq of the client's Finished, by which its repetition is known. */
  readonly finishedSequence: number;
  readonly #parts: readonly FlightPart[];
  #recordSequence: number;
  #sentAtMs = -Infinity;
  #sent = 0;

  constructor(finishedSequence: number, parts: readonly FlightPart[], recordSequence: number) {
    this.finishedSequence = finishedSequence;
    this.#parts = parts;
    this.#recordSequence = recordSequence;
  }

  /** The datagrams to send; none where it was sent just now, or where no send numbers are left. */
  send(nowMs: number, sealer: NumberedSealer, overhead: number, sizes: FlightSizes): readonly Uint8Array[] {
    if (nowMs - this.#sentAtMs < MIN_GAP_MS || this.#sent > MAX_REPEATS || sealer.sendLeft < PROTECTED_RECORDS) return [];
    this.#sentAtMs = nowMs;
    this.#sent++;
    const writer: RecordWriter = {
      write: (epoch, type, content) => (epoch === 0 ? plaintextRecord(type, this.#recordSequence++, content) : sealer.seal(type, content)),
      overhead: (epoch) => (epoch === 0 ? RECORD_HEADER_LENGTH : overhead),
    };
    return encodeFlight(this.#parts, writer, sizes);
  }

  encode(): Uint8Array {
    const messages = this.#parts.flatMap((part) => (part.kind === 'message' ? [uint8(part.epoch), vector16(encodeMessage(part.message))] : []));
    return concatBytes([uint8(VERSION), uint16(this.finishedSequence), uint48(this.#recordSequence), ...messages]);
  }

  /** Undefined for what isn't one of this version: the client then shakes hands again. */
  static decode(bytes: Uint8Array): LastFlight | undefined {
    const reader = new WireReader(new Uint8Array(bytes));
    const version = reader.uint8();
    const finishedSequence = reader.uint16();
    const recordSequence = reader.uint48() + FORMER_RECORDS;
    const messages: FlightPart[] = [];
    while (reader.remaining > 0) {
      const epoch = reader.uint8();
      const [fragment] = decodeFragments(reader.vector16()) ?? [];
      if (fragment === undefined || epoch > 1) return undefined;
      messages.push({ kind: 'message', epoch: epoch as 0 | 1, message: { type: fragment.type, sequence: fragment.sequence, body: fragment.bytes } });
    }
    if (version !== VERSION || !reader.ended) return undefined;
    const plain = messages.filter((part) => part.kind === 'message' && part.epoch === 0);
    const sealed = messages.filter((part) => part.kind === 'message' && part.epoch === 1);
    return new LastFlight(finishedSequence, [...plain, { kind: 'change-cipher-spec' }, ...sealed], recordSequence);
  }
}
