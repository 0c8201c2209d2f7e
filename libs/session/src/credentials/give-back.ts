/** Gives back names that a device's record holds nothing for any more. */
import type { DeviceNumber } from '../ports.ts';
import type { CredentialStore } from './store.ts';

/**
 * `held` tells the names that the record stands for now. It is asked afterwards: who set the same credential meanwhile has
 * seen the name as claimed, just before it was given back; then it is claimed again.
 */
export async function giveBack(
  store: CredentialStore, number: DeviceNumber, names: readonly string[], held: () => Promise<readonly string[]>,
): Promise<void> {
  if (names.length === 0) return;
  await store.releaseNames(names.map((name) => ({ name, number })));
  const again = new Set(await held());
  const claims = names.filter((name) => again.has(name)).map((name) => ({ name, number }));
  if (claims.length > 0) await store.claimNames(claims);
}
