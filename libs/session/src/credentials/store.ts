/** The port through which credentials are kept. Adapters: those of `SessionStore`; `@cluster/testing` has its compliance suite. */
import type { DeviceNumber } from '../ports.ts';

export interface StoredCredentials {
  /** Counts the commits of the record, from 1. */
  readonly version: number;
  /** Opaque to the store: what is secret in it is sealed. */
  readonly record: Uint8Array;
}

export interface NameClaim {
  /** Made of digests: tells nothing that is secret. */
  readonly name: string;
  readonly number: DeviceNumber;
  /** Takes the name from this device, if it still has it. */
  readonly replaces?: DeviceNumber;
}

/**
 * Two kinds of keys: one record for each device, in its slot, which is the truth; and names (of identities, keys and
 * certificates) that lead to a device, each in a slot of its own, which are hints: a name counts only if the record
 * holds what it stands for.
 */
export interface CredentialStore {
  loadCredentials(numbers: readonly DeviceNumber[]): Promise<(StoredCredentials | undefined)[]>;
  /** Writes the record if its version still is `expected` (0: there is none); undefined removes it. False: it is not. */
  commitCredentials(number: DeviceNumber, expected: number, record: Uint8Array | undefined): Promise<boolean>;

  /** The devices that have the names. */
  findNames(names: readonly string[]): Promise<(DeviceNumber | undefined)[]>;
  /** Gives each name to its device unless another has it. Returns the device that has it after the call. */
  claimNames(claims: readonly NameClaim[]): Promise<DeviceNumber[]>;
  /** Takes each name from the device, if it still is this one's. */
  releaseNames(claims: readonly NameClaim[]): Promise<void>;
}
