/** Puts handshake messages together from fragments in any order, and hands them out in theirs (RFC 6347 §4.2.3). Bounded. */
import type { HandshakeFragment, HandshakeMessage } from '../messages/handshake.ts';

/** How far ahead of the next message fragments are kept. */
const MAX_AHEAD = 8;
/** Separate pieces of one message; who sends more sends holes on purpose. */
const MAX_PIECES = 64;

export interface ReassemblyLimits {
  readonly maxMessageBytes: number;
  readonly maxBytes: number;
}

/** What became of a fragment. */
export type Added = 'kept' | 'old' | 'refused';

interface Partial {
  readonly type: number;
  readonly buffer: Uint8Array;
  /** What arrived, as disjoint ranges in order. */
  ranges: [start: number, end: number][];
}

/** The incoming messages of one handshake. */
export class Reassembly {
  /** message_seq of what comes next. */
  #next: number;
  #bytes = 0;
  readonly #limits: ReassemblyLimits;
  readonly #partials = new Map<number, Partial>();

  constructor(next: number, limits: ReassemblyLimits) {
    this.#next = next;
    this.#limits = limits;
  }

  get nextSequence(): number {
    return this.#next;
  }

  /** Bytes held for messages that were not taken yet. */
  get bytes(): number {
    return this.#bytes;
  }

  add(fragment: HandshakeFragment): Added {
    const { sequence, length } = fragment;
    if (sequence < this.#next) return 'old';
    if (sequence >= this.#next + MAX_AHEAD || length > this.#limits.maxMessageBytes) return 'refused';
    let partial = this.#partials.get(sequence);
    if (partial === undefined) {
      if (this.#bytes + length > this.#limits.maxBytes) return 'refused';
      partial = { type: fragment.type, buffer: new Uint8Array(length), ranges: [] };
      this.#bytes += length;
      this.#partials.set(sequence, partial);
    }
    if (partial.type !== fragment.type || partial.buffer.length !== length || partial.ranges.length >= MAX_PIECES) return 'refused';
    insert(partial, fragment);
    return 'kept';
  }

  /** The next message, once it is whole. */
  take(): HandshakeMessage | undefined {
    const partial = this.#partials.get(this.#next);
    if (partial === undefined || !isWhole(partial)) return undefined;
    const sequence = this.#next++;
    this.#partials.delete(sequence);
    this.#bytes -= partial.buffer.length;
    return { type: partial.type, sequence, body: partial.buffer };
  }
}

function insert(partial: Partial, { offset, bytes }: HandshakeFragment): void {
  partial.buffer.set(bytes, offset);
  let [start, end] = [offset, offset + bytes.length];
  const apart: [number, number][] = [];
  for (const range of partial.ranges) {
    if (range[1] < start || range[0] > end) apart.push(range);
    else [start, end] = [Math.min(start, range[0]), Math.max(end, range[1])];
  }
  apart.push([start, end]);
  partial.ranges = apart.sort((left, right) => left[0] - right[0]);
}

function isWhole({ buffer, ranges }: Partial): boolean {
  const [first] = ranges;
  return ranges.length === 1 && first![0] === 0 && first![1] === buffer.length;
}
