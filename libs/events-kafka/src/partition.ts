/**
 * The partition of a keyed record, as Kafka's default partitioner chooses it: murmur2 of the key. kafkajs computes the
 * same with 64-bit objects, at several times the cost.
 */
import { Buffer } from 'node:buffer';

const SEED = 0x9747b28c;
const M = 0x5bd1e995;
const LONGEST_SHORT_KEY = 1_024;
const scratch = Buffer.allocUnsafe(LONGEST_SHORT_KEY);

/** The partition, of `partitions`, that holds all records of a key. */
export function partitionOf(key: string, partitions: number): number {
  return (murmur2(key) & 0x7fff_ffff) % partitions;
}

/** murmur2 of the key's UTF-8, with Kafka's seed, as a signed 32-bit number. */
export function murmur2(key: string): number {
  // Three bytes of UTF-8 at most for each UTF-16 code unit.
  const bytes = key.length * 3 <= LONGEST_SHORT_KEY ? scratch : Buffer.from(key);
  const length = bytes === scratch ? scratch.write(key) : bytes.length;
  let hash = SEED ^ length;
  let at = 0;
  for (; at + 4 <= length; at += 4) hash = Math.imul(hash, M) ^ mixed(bytes.readInt32LE(at));
  if (at < length) {
    for (let shift = 0; at < length; at++, shift += 8) hash ^= bytes[at]! << shift;
    hash = Math.imul(hash, M);
  }
  hash = Math.imul(hash ^ (hash >>> 13), M);
  return hash ^ (hash >>> 15);
}

function mixed(word: number): number {
  const product = Math.imul(word, M);
  return Math.imul(product ^ (product >>> 24), M);
}
