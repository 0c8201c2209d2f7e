/** Which node of a Redis Cluster holds which of the 16,384 slots. */
import slotOf from 'cluster-key-slot';
import type { Reply } from './command.ts';
import type { Address } from './link.ts';

const SLOTS = 16_384;

export class SlotMap {
  readonly #owners: (Address | undefined)[] = new Array(SLOTS);
  #assigned = 0;

  get empty(): boolean {
    return this.#assigned === 0;
  }

  get complete(): boolean {
    return this.#assigned === SLOTS;
  }

  assign(slot: number, owner: Address): void {
    if (!Number.isInteger(slot) || slot < 0 || slot >= SLOTS) return;
    if (this.#owners[slot] === undefined) this.#assigned++;
    this.#owners[slot] = owner;
  }

  owner(key: string): Address | undefined {
    return this.#owners[slotOf(key)];
  }

  /** Each node once. */
  owners(): Address[] {
    const owners = new Map<string, Address>();
    for (const owner of this.#owners) if (owner !== undefined) owners.set(nameOf(owner), owner);
    return [...owners.values()];
  }

  isOwner(address: Address): boolean {
    return this.owners().some((owner) => nameOf(owner) === nameOf(address));
  }
}

export function nameOf({ host, port }: Address): string {
  return `${host}:${port}`;
}

/** Reads CLUSTER SLOTS; a node that doesn't know its own name is the one that was asked. */
export function parseSlots(reply: Reply, askedHost: string): SlotMap {
  const map = new SlotMap();
  for (const range of reply as readonly [number, number, readonly [Buffer | null, number]][]) {
    const [first, last, [host, port]] = range;
    const owner = { host: host?.toString() || askedHost, port };
    for (let slot = first; slot <= last; slot++) map.assign(slot, owner);
  }
  return map;
}
