/**
 * Who may use one of the worker's places for a request to a device. Places are bounded; tenants take turns for what is
 * free, and so do the devices of one tenant. A tenant never has all places: its devices that do not answer hold theirs
 * for MAX_TRANSMIT_WAIT, and others must not wait for that.
 */

/** What of the places one tenant may hold. */
const SHARE = 0.75;

interface Tenant {
  busy: number;
  /** In the order in which they came. */
  readonly waiting: Set<() => void>;
}

function newTenant(): Tenant {
  return { busy: 0, waiting: new Set() };
}

export class Turns {
  readonly #places: number;
  readonly #share: number;
  /** Tenants that hold a place or wait; the one that has waited longest for its turn first. */
  readonly #tenants = new Map<string, Tenant>();
  #busy = 0;

  constructor(places: number) {
    this.#places = places;
    this.#share = Math.max(1, Math.floor(places * SHARE));
  }

  get waiting(): number {
    return [...this.#tenants.values()].reduce((sum, { waiting }) => sum + waiting.size, 0);
  }

  /** Takes a place: at once (undefined), or when the promise resolves. Give it back by {@link leave}. */
  enter(tenant: string): Promise<void> | undefined {
    const own = this.#tenants.get(tenant) ?? newTenant();
    this.#tenants.set(tenant, own);
    // Whoever has been served comes behind those who wait.
    if (own.waiting.size === 0 && this.#mayTake(own)) {
      this.#take(own);
      return undefined;
    }
    return new Promise((begin) => void own.waiting.add(begin));
  }

  /** Takes a place if there is one at once. */
  tryEnter(tenant: string): boolean {
    const own = this.#tenants.get(tenant) ?? newTenant();
    return own.waiting.size === 0 && this.#mayTake(own) && this.enter(tenant) === undefined;
  }

  leave(tenant: string): void {
    const own = this.#tenants.get(tenant);
    if (own === undefined) return;
    this.#busy--;
    own.busy--;
    if (own.busy === 0 && own.waiting.size === 0) this.#tenants.delete(tenant);
    this.#next();
  }

  /** Lets everybody go who waits. */
  close(): void {
    for (const { waiting } of this.#tenants.values()) for (const begin of waiting) begin();
    this.#tenants.clear();
  }

  #mayTake(own: Tenant): boolean {
    return this.#busy < this.#places && own.busy < this.#share;
  }

  #take(own: Tenant): void {
    this.#busy++;
    own.busy++;
  }

  #next(): void {
    for (const [tenant, own] of this.#tenants) {
      const [begin] = own.waiting;
      if (begin === undefined || !this.#mayTake(own)) continue;
      own.waiting.delete(begin);
      this.#take(own);
      // Behind the other tenants.
      this.#tenants.delete(tenant);
      this.#tenants.set(tenant, own);
      return begin();
    }
  }
}
