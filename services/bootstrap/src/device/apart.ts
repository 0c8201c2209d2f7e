/**
 * Keeps what belongs to a device's association with the bootstrap service apart from that with the edge: a device has both,
 * and neither may end the other.
 */
import type { AssociationStore, DeviceNumber, SessionStore } from '@cluster/session';

/** No device number has it: they are base64url. */
const MARK = '.bs';

export function associationsApart<S extends AssociationStore>(store: S): S {
  return {
    ...store,
    loadSlots: (numbers: readonly DeviceNumber[]) => store.loadSlots(numbers.map((number) => number + MARK)),
    commitSlots: (writes: Parameters<AssociationStore['commitSlots']>[0]) => store.commitSlots(writes.map((write) => ({ ...write, number: write.number + MARK }))),
  };
}

export function addressesApart(sessions: SessionStore): SessionStore {
  return {
    ...sessions,
    bindAddresses: (bindings) => sessions.bindAddresses(bindings.map((binding) => ({ ...binding, peer: binding.peer + MARK }))),
    resolveAddresses: (peers) => sessions.resolveAddresses(peers.map((peer) => peer + MARK)),
  };
}
