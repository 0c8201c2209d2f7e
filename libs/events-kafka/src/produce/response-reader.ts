/** Reads responses of the Kafka protocol. Throws a RangeError where a response is shorter than it says. */
import type { Buffer } from 'node:buffer';

export class ResponseReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  int16(): number {
    return this.#bytes.readInt16BE(this.#pass(2));
  }

  int32(): number {
    return this.#bytes.readInt32BE(this.#pass(4));
  }

  int64(): bigint {
    return this.#bytes.readBigInt64BE(this.#pass(8));
  }

  /** STRING or NULLABLE_STRING; null is ''. */
  string(): string {
    const length = Math.max(0, this.int16());
    const start = this.#pass(length);
    return this.#bytes.toString('utf8', start, start + length);
  }

  /** BYTES; null is empty. */
  bytes(): Buffer {
    const length = Math.max(0, this.int32());
    const start = this.#pass(length);
    return this.#bytes.subarray(start, start + length);
  }

  skip(length: number): void {
    this.#pass(length);
  }

  /** ARRAY: reads each of its elements. */
  array<T>(element: (reader: this) => T): T[] {
    const count = this.int32();
    const elements: T[] = [];
    for (let i = 0; i < count; i++) elements.push(element(this));
    return elements;
  }

  #pass(length: number): number {
    const start = this.#at;
    if (start + length > this.#bytes.length) throw new RangeError('the response ends early');
    this.#at += length;
    return start;
  }
}
