/** Keys for each purpose, derived from the master secrets of the cluster: the current one, and former ones until they are taken out. */
import type { MasterSecret } from './master-secrets.ts';
import { createSecretKey, hkdfSync, type KeyObject } from './primitives.ts';

/** What a derived key is for. Keys of different purposes tell nothing of each other. */
export type Purpose = 'cookie' | 'cid' | 'ticket' | 'sealing' | 'sharing' | 'firmware';

export interface DerivedKey {
  /** The id of its master secret. */
  readonly id: number;
  /** 32 bytes. */
  readonly key: KeyObject;
}

/** Newest first, never empty. */
export type DerivedKeys = readonly [DerivedKey, ...DerivedKey[]];

const PURPOSES: readonly Purpose[] = ['cookie', 'cid', 'ticket', 'sealing', 'sharing', 'firmware'];
const KEY_BYTES = 32;
const NO_SALT = new Uint8Array(0);

export class KeyRing {
  #keys: ReadonlyMap<Purpose, DerivedKeys> = new Map();

  /** @throws {RangeError} without a secret */
  constructor(secrets: readonly MasterSecret[]) {
    this.replace(secrets);
  }

  /** Takes other master secrets, newest first: what was derived from one that is missing opens nothing any more. */
  replace(secrets: readonly MasterSecret[]): void {
    const [newest, ...former] = secrets;
    if (newest === undefined) throw new RangeError('a key ring needs a master secret');
    const keys = (purpose: Purpose): DerivedKeys => [derive(newest, purpose), ...former.map((secret) => derive(secret, purpose))];
    this.#keys = new Map(PURPOSES.map((purpose) => [purpose, keys(purpose)]));
  }

  /** The key that new things are made with. */
  current(purpose: Purpose): DerivedKey {
    return this.all(purpose)[0];
  }

  /** Every key that is accepted, newest first. */
  all(purpose: Purpose): DerivedKeys {
    return this.#keys.get(purpose)!;
  }

  find(purpose: Purpose, id: number): KeyObject | undefined {
    return this.all(purpose).find((each) => each.id === id)?.key;
  }
}

/** RFC 5869: HKDF-SHA-256, the purpose as info. */
function derive({ id, bytes }: MasterSecret, purpose: Purpose): DerivedKey {
  const key = hkdfSync('sha256', createSecretKey(bytes), NO_SALT, `lwm2m-cluster ${purpose}`, KEY_BYTES);
  return { id, key: createSecretKey(new Uint8Array(key)) };
}
