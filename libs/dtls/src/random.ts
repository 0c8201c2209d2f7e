/** Where the engine's random bytes come from. */

/** Gives that many unpredictable bytes: a cryptographic source, such as `crypto.randomBytes`; seeded in tests. */
export type RandomBytes = (size: number) => Uint8Array;
