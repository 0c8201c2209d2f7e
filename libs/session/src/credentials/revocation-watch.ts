/**
 * Which associations of this worker are to end, since their credential was revoked: asked of the store for all of them
 * within ten seconds, however many there are, and at once for a device whose credentials are told to have changed.
 */
import type { DeviceNumber } from '../ports.ts';
import { MAX_CREDENTIAL_AGE_MS, type CredentialLookup, type UsedCredential } from './credential-lookup.ts';

/** The engine's handle for an association. */
export type AssociationHandle = number;

/** Rounds in which all associations are looked at once. */
const ROUNDS = 8;
/** When {@link RevocationWatch.round} is to be called. */
export const REVOCATION_ROUND_MS = MAX_CREDENTIAL_AGE_MS / (ROUNDS + 2);

export class RevocationWatch {
  readonly #lookup: Pick<CredentialLookup, 'headsOf' | 'forget' | 'isLive'>;
  readonly #devices = new Map<DeviceNumber, Map<AssociationHandle, number>>();
  #order: Iterator<DeviceNumber> | undefined;

  constructor(lookup: Pick<CredentialLookup, 'headsOf' | 'forget' | 'isLive'>) {
    this.#lookup = lookup;
  }

  established(association: AssociationHandle, { deviceNumber, credentialVersion }: UsedCredential): void {
    const held = this.#devices.get(deviceNumber);
    if (held === undefined) this.#devices.set(deviceNumber, new Map([[association, credentialVersion]]));
    else held.set(association, credentialVersion);
  }

  closed(association: AssociationHandle, deviceNumber: DeviceNumber): void {
    const held = this.#devices.get(deviceNumber);
    if (held?.delete(association) === true && held.size === 0) this.#devices.delete(deviceNumber);
  }

  /** Looks at the next part, and gives what is to be closed. A store that is away rejects: nothing is known then, and nothing ends. */
  async round(nowMs: number): Promise<AssociationHandle[]> {
    return this.#revoked(this.#next(Math.ceil(this.#devices.size / ROUNDS)), nowMs);
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
    return numbers.flatMap((number, i) =>
      [...(this.#devices.get(number) ?? [])].filter(([, version]) => !this.#lookup.isLive(heads[i], version, nowMs)).map(([association]) => association),
    );
  }
}
