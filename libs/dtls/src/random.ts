/** Where the engine's random bytes come from. */
import { randomFillSync } from './crypto.ts';

/** Gives that many unpredictable bytes: a cryptographic source, such as `randomPool()`; seeded in tests. */
export type RandomBytes = (size: number) => Uint8Array;

const POOL = 4_096;

/**
 * The system's generator, asked for 4 KB at a time: a call costs about as much for three bytes as for all of them. What is
 * given is a view of the pool: whoever keeps it for long keeps the pool, and should copy it.
 */
export function randomPool(): RandomBytes {
  let pool = new Uint8Array(0);
  let at = 0;
  return (size) => {
    if (size > POOL / 4) return randomFillSync(new Uint8Array(size));
    if (at + size > pool.length) {
      // A new pool each time: views of the former one are still in use.
      pool = randomFillSync(new Uint8Array(POOL));
      at = 0;
    }
    at += size;
    return pool.subarray(at - size, at);
  };
}
