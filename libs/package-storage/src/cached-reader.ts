/**
 * Blocks of packages for many devices at once: read from the storage in stretches, of which the last used stay in memory
 * within a bound. What is at hand is given at once, without a promise.
 */
import type { PackageReader } from '@cluster/firmware';

export interface CacheOptions {
  /** Bytes read at a time: whole blocks of every size. */
  readonly stretchBytes: number;
  /** Bytes kept at most. */
  readonly mostBytes: number;
}

/** A package as it is served. */
export interface OpenPackage {
  readonly id: string;
  readonly size: number;
}

const SIZES_KEPT = 1_000;

export class CachedReader {
  readonly #reader: PackageReader;
  readonly #options: CacheOptions;
  /** Oldest use first. */
  readonly #stretches = new Map<string, Uint8Array>();
  readonly #reading = new Map<string, Promise<Uint8Array | undefined>>();
  readonly #sizes = new Map<string, number>();
  #bytes = 0;

  constructor(reader: PackageReader, options: CacheOptions) {
    this.#reader = reader;
    this.#options = options;
  }

  /** Bytes kept now. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The size of a package if it is at hand; else {@link size} finds it. */
  knownSize(id: string): number | undefined {
    return this.#sizes.get(id);
  }

  async size(id: string): Promise<number | undefined> {
    const known = this.#sizes.get(id) ?? (await this.#reader.size(id));
    if (known === undefined) return undefined;
    if (this.#sizes.size >= SIZES_KEPT) this.#sizes.clear();
    this.#sizes.set(id, known);
    return known;
  }

  /** A block that lies within one stretch, if that is at hand; else {@link block} reads it. */
  held(id: string, offset: number, length: number): Uint8Array | undefined {
    const start = this.#startOf(offset);
    const key = `${id} ${start}`;
    const stretch = this.#stretches.get(key);
    if (stretch === undefined) return undefined;
    this.#stretches.delete(key);
    this.#stretches.set(key, stretch);
    return stretch.subarray(offset - start, offset - start + length);
  }

  /** The same from the storage; undefined: the package is gone. */
  async block(id: string, offset: number, length: number): Promise<Uint8Array | undefined> {
    const start = this.#startOf(offset);
    const stretch = await this.#read(id, start);
    return stretch?.subarray(offset - start, offset - start + length);
  }

  #startOf(offset: number): number {
    return offset - (offset % this.#options.stretchBytes);
  }

  /** Whoever asks while a stretch is read waits for the same read. */
  #read(id: string, start: number): Promise<Uint8Array | undefined> {
    const key = `${id} ${start}`;
    const held = this.#stretches.get(key);
    if (held !== undefined) return Promise.resolve(held);
    const under = this.#reading.get(key);
    if (under !== undefined) return under;
    const reading = this.#reader
      .read(id, start, this.#options.stretchBytes)
      .then((stretch) => {
        if (stretch === undefined) this.#sizes.delete(id);
        else this.#keep(key, stretch);
        return stretch;
      })
      .finally(() => this.#reading.delete(key));
    this.#reading.set(key, reading);
    return reading;
  }

  #keep(key: string, stretch: Uint8Array): void {
    this.#stretches.set(key, stretch);
    this.#bytes += stretch.length;
    for (const [oldest, { length }] of this.#stretches) {
      if (this.#bytes <= this.#options.mostBytes || oldest === key) break;
      this.#stretches.delete(oldest);
      this.#bytes -= length;
    }
  }
}
