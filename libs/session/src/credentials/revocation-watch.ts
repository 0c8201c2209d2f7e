/**
 * Which associations of this worker are to end, since their credential was revoked or their certificate is over: looked at
 * within ten seconds, however many there are, and at once for a device whose credentials are told to have changed.
 */
import type { DeviceNumber } from '../ports.ts';
import { isOver, MAX_CREDENTIAL_AGE_MS, type CredentialLookup, type UsedCredential } from './credential-lookup.ts';

/** The engine's handle for an association. */
export type AssociationHandle = number;

/** Rounds in which all associations are looked at once. */
const ROUNDS = 8;
/** When {@link RevocationWatch.round} is to be called. */
export const REVOCATION_ROUND_MS = MAX_CREDENTIAL_AGE_MS / (ROUNDS + 2);

/** What one round found. */
export interface WatchRound {
  /** Those whose certificate is over: no store needs to be asked. */
  readonly over: readonly AssociationHandle[];
  /** Rejects while the store is away: nothing is known then, and nothing ends. */
  readonly revoked: Promise<AssociationHandle[]>;
}

type Held = Pick<UsedCredential, 'credentialVersion' | 'validUntilMs'>;

export class RevocationWatch {
  readonly #lookup: Pick<CredentialLookup, 'headsOf' | 'forget' | 'isLive'>;
  readonly #devices = new Map<DeviceNumber, Map<AssociationHandle, Held>>();
  #order: Iterator<DeviceNumber> | undefined;

  constructor(lookup: Pick<CredentialLookup, 'headsOf' | 'forget' | 'isLive'>) {
    this.#lookup = lookup;
  }

  established(association: AssociationHandle, credential: UsedCredential): void {
    const held = this.#devices.get(credential.deviceNumber);
    if (held === undefined) this.#devices.set(credential.deviceNumber, new Map([[association, credential]]));
    else held.set(association, credential);
  }

  closed(association: AssociationHandle, deviceNumber: DeviceNumber): void {
    const held = this.#devices.get(deviceNumber);
    if (held?.delete(association) === true && held.size === 0) this.#devices.delete(deviceNumber);
  }

  /** Looks at the next part, and gives what is to be closed. */
  round(nowMs: number): WatchRound {
    const numbers = this.#next(Math.ceil(this.#devices.size / ROUNDS));
    const over = numbers.flatMap((number) => this.#heldBy(number, (held) => isOver(held, nowMs)));
    return { over, revoked: this.#revoked(numbers, nowMs) };
  }

  /** The device's credentials are told to have changed. */
  async changed(number: DeviceNumber, nowMs: number): Promise<AssociationHandle[]> {
    this.#lookup.forget(number);
    return this.#devices.has(number) ? this.#revoked([number], nowMs) : [];
  }

  get size(): number {
    return this.#devices.size;
  }

  /** Devices in the order in which they came; those that come meanwhile are looked at in the same turn. */
  #next(count: number): DeviceNumber[] {
    const numbers: DeviceNumber[] = [];
    while (numbers.length < count) {
      this.#order ??= this.#devices.keys();
      const next = this.#order.next();
      if (next.done === true) {
        this.#order = undefined;
        break;
      }
      numbers.push(next.value);
    }
    return numbers;
  }

  async #revoked(numbers: readonly DeviceNumber[], nowMs: number): Promise<AssociationHandle[]> {
    if (numbers.length === 0) return [];
    const heads = await this.#lookup.headsOf(numbers);
    return numbers.flatMap((number, i) => this.#heldBy(number, ({ credentialVersion }) => !this.#lookup.isLive(heads[i], credentialVersion, nowMs)));
  }

  #heldBy(number: DeviceNumber, matches: (held: Held) => boolean): AssociationHandle[] {
    return [...(this.#devices.get(number) ?? [])].filter(([, held]) => matches(held)).map(([association]) => association);
  }
}
