/** What both sides of a handshake have: transcript, flights with retransmission (RFC 6347 §4.2.4), reassembly, and the keys once there are any. */
import { concatBytes } from '@cluster/bytes';
import { createSecretKey, hash, timingSafeEqual } from '../crypto.ts';
import type { KeyObject } from '../crypto.ts';
import type { Randoms, Side } from '../keys/key-schedule.ts';
import { directionKeys, keyBlock, masterSecret, verifyData } from '../keys/key-schedule.ts';
import { encodeMessage } from '../messages/handshake.ts';
import type { HandshakeMessage } from '../messages/handshake.ts';
import type { RandomBytes } from '../random.ts';
import type { Opener, Sealer } from '../record/protection.ts';
import { createOpener, createSealer, sealingOverhead } from '../record/protection.ts';
import { RECORD_HEADER_LENGTH, plaintextRecord } from '../record/record.ts';
import type { CipherSuite } from '../suites.ts';
import type { FlightPart, FlightSizes, NumberedSealer, RecordWriter } from './flight.ts';
import { encodeFlight } from './flight.ts';
import { Reassembly } from './reassembly.ts';
import type { ReassemblyLimits } from './reassembly.ts';

/** Timing of retransmission. RFC 7925 §11 advises to begin with 9 s on slow networks. */
export interface RetransmissionTimes {
  readonly firstMs: number;
  readonly maxMs: number;
}

/** RFC 6347 §4.2.4.1 */
export const DEFAULT_RETRANSMISSION: RetransmissionTimes = { firstMs: 1_000, maxMs: 60_000 };
/** A peer's repeated flight is answered no more often than this. */
const MIN_REPEAT_GAP_MS = 200;

/** Keys of both directions, and what they were made of. */
export interface HandshakeKeys {
  readonly master: KeyObject;
  readonly masterSecret: Uint8Array;
  readonly keyBlock: Uint8Array;
  readonly opener: Opener;
  readonly sealer: Sealer;
}

export interface KeyInputs {
  readonly suite: CipherSuite;
  readonly randoms: Randoms;
  readonly encryptThenMac: boolean;
  readonly readCid: Uint8Array;
  readonly writeCid: Uint8Array;
}

export interface CoreOptions {
  readonly side: Side;
  readonly random: RandomBytes;
  readonly sizes: FlightSizes;
  readonly times: RetransmissionTimes;
  readonly reassembly: ReassemblyLimits;
  /** message_seq and record sequence number to begin with. */
  readonly receiveSequence: number;
  readonly sendSequence: number;
  readonly recordSequence: number;
  readonly transmit: (datagram: Uint8Array) => void;
}

/** More protected records than any last flight has. */
const MAX_PROTECTED_RECORDS = 4;

export class HandshakeCore {
  sizes: FlightSizes;
  keys: HandshakeKeys | undefined;
  readonly reassembly: Reassembly;
  /** When the current flight goes out again; Infinity: never. */
  retransmitAtMs = Infinity;
  retransmissions = 0;
  readonly #options: CoreOptions;
  readonly #transcript: Uint8Array[] = [];
  #sendSequence: number;
  #recordSequence: number;
  #protectedSequence = 0;
  #numbered: NumberedSealer | undefined;
  #overhead = 0;
  #flight: readonly FlightPart[] = [];
  #flightSentAtMs = -Infinity;
  #timeoutMs: number;

  constructor(options: CoreOptions) {
    this.#options = options;
    this.sizes = options.sizes;
    this.reassembly = new Reassembly(options.receiveSequence, options.reassembly);
    this.#sendSequence = options.sendSequence;
    this.#recordSequence = options.recordSequence;
    this.#timeoutMs = options.times.firstMs;
  }

  /** The next sequence number of epoch 0. */
  get recordSequence(): number {
    return this.#recordSequence;
  }

  /** The most bytes that protection adds to a content. */
  get overhead(): number {
    return this.#overhead;
  }

  /** From here on the numbers of epoch 1 are another's. */
  sealWith(sealer: NumberedSealer): void {
    this.#numbered = sealer;
  }

  /** A message enters the transcript when its turn has come. */
  record(message: HandshakeMessage): void {
    this.#transcript.push(encodeMessage(message));
  }

  /** RFC 6347 §4.2.1: the first ClientHello and its HelloVerifyRequest count for nothing. */
  forgetTranscript(): void {
    this.#transcript.length = 0;
  }

  transcript(): Uint8Array {
    return concatBytes(this.#transcript);
  }

  transcriptHash(): Uint8Array {
    return hash('sha256', this.transcript(), 'buffer');
  }

  /** Gives a message its number and writes it to the transcript: to be sent by {@link sendFlight}. */
  message(type: number, body: Uint8Array, epoch: 0 | 1 = 0): FlightPart {
    const message = { type, sequence: this.#sendSequence++, body };
    this.record(message);
    return { kind: 'message', epoch, message };
  }

  /** Derives the keys; `premaster` undefined: from a master secret that is resumed. */
  deriveKeys(inputs: KeyInputs, secret: { premaster: Uint8Array; extended: boolean } | { masterSecret: Uint8Array }): HandshakeKeys {
    const bytes = 'premaster' in secret ? masterSecret(secret.premaster, inputs.randoms, secret.extended ? this.transcriptHash() : undefined) : secret.masterSecret;
    const master = createSecretKey(bytes);
    const { suite, encryptThenMac } = inputs;
    const block = keyBlock(master, suite.cipher, inputs.randoms);
    const { side, random } = this.#options;
    const write = { cipher: suite.cipher, encryptThenMac, cid: inputs.writeCid, keys: directionKeys(block, suite.cipher, side) };
    const read = { ...write, cid: inputs.readCid, keys: directionKeys(block, suite.cipher, side === 'client' ? 'server' : 'client') };
    this.#overhead = sealingOverhead(write);
    this.keys = { master, masterSecret: bytes, keyBlock: block, opener: createOpener(read), sealer: createSealer(write, random) };
    return this.keys;
  }

  /** verify_data of a side over what the transcript holds now. */
  verifyData(side: Side): Uint8Array {
    return verifyData(this.keys!.master, side, this.transcriptHash());
  }

  isVerifyData(side: Side, given: Uint8Array): boolean {
    const expected = this.verifyData(side);
    return given.length === expected.length && timingSafeEqual(given, expected);
  }

  /** Sends a flight; with `awaited`, again and again until the peer's next one comes. */
  sendFlight(nowMs: number, parts: readonly FlightPart[], awaited: boolean): void {
    this.#flight = parts;
    this.#timeoutMs = this.#options.times.firstMs;
    this.#send(nowMs);
    this.retransmitAtMs = awaited ? nowMs + this.#timeoutMs : Infinity;
  }

  /** The timer of the flight ran out. RFC 6347 §4.2.4.1: the next wait is twice as long. */
  onTimeout(nowMs: number): void {
    this.#timeoutMs = Math.min(this.#timeoutMs * 2, this.#options.times.maxMs);
    this.#send(nowMs);
    this.retransmissions++;
    this.retransmitAtMs = nowMs + this.#timeoutMs;
  }

  /** The peer's last flight came again: ours was lost. */
  repeatFlight(nowMs: number): void {
    if (this.#flight.length === 0 || nowMs - this.#flightSentAtMs < MIN_REPEAT_GAP_MS) return;
    this.#send(nowMs);
    this.retransmissions++;
    if (this.retransmitAtMs < Infinity) this.retransmitAtMs = nowMs + this.#timeoutMs;
  }

  /** What the peer sent answers the flight: its timer stops. */
  flightAnswered(): void {
    this.retransmitAtMs = Infinity;
  }

  /** A record outside of any flight: an alert, mostly. */
  writeRecord(epoch: 0 | 1, type: number, content: Uint8Array): Uint8Array {
    if (epoch === 0) return plaintextRecord(type, this.#recordSequence++, content);
    return this.#numbered === undefined ? this.keys!.sealer.seal(type, this.#protectedSequence++, content) : this.#numbered.seal(type, content);
  }

  #send(nowMs: number): void {
    // Without stored numbers the flight waits for its next turn.
    if (this.#numbered !== undefined && this.#numbered.sendLeft < MAX_PROTECTED_RECORDS) return;
    this.#flightSentAtMs = nowMs;
    const writer: RecordWriter = {
      write: (epoch, type, content) => this.writeRecord(epoch, type, content),
      overhead: (epoch) => (epoch === 0 ? RECORD_HEADER_LENGTH : this.#overhead),
    };
    for (const datagram of encodeFlight(this.#flight, writer, this.sizes)) this.#options.transmit(datagram);
  }
}
