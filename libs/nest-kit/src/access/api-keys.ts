/** Static API keys: found by the digest of what the caller shows. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { ApiKey } from '@cluster/contracts';
import { Caller } from './caller.ts';

interface Held {
  readonly digest: Buffer;
  readonly expiresMs: number;
  readonly caller: Caller;
}

/** The keys of a file, which may be replaced at any time. */
export class ApiKeys {
  #held: readonly Held[] = [];

  constructor(keys: readonly ApiKey[]) {
    this.replace(keys);
  }

  replace(keys: readonly ApiKey[]): void {
    this.#held = keys.map(({ name, sha256, grants, expiresAt }) => ({
      digest: Buffer.from(sha256, 'hex'),
      expiresMs: expiresAt === undefined ? Infinity : Date.parse(expiresAt),
      caller: new Caller(`key:${name}`, grants),
    }));
  }

  /** Whose key it is. Every key is compared, whichever fits. */
  find(shown: string, nowMs: number): Caller | 'unknown' | 'expired' {
    const digest = createHash('sha256').update(shown).digest();
    let found: Held | undefined;
    for (const held of this.#held) if (timingSafeEqual(held.digest, digest)) found = held;
    if (found === undefined) return 'unknown';
    return nowMs < found.expiresMs ? found.caller : 'expired';
  }
}
