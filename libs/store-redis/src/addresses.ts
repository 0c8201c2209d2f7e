/** Which device last spoke from an address: keys that forget themselves. */
import type { SessionStore } from '@cluster/session';
import { script, type Router } from './command.ts';
import { mapEach } from './faults.ts';
import type { Keys } from './keys.ts';
import * as scripts from './scripts.ts';
import { fromStored, toStored } from './stored-number.ts';

export function addressIndex(router: Router, keys: Keys): Pick<SessionStore, 'bindAddresses' | 'resolveAddresses'> {
  return {
    async bindAddresses(bindings) {
      const commands = bindings.map(({ peer, number, ttlMs }) => script(scripts.bindAddress, [keys.address(peer)], toStored(number), ttlMs));
      await router.execute(commands, 'plain'); // a hint that is lost is learned again
    },
    async resolveAddresses(peers) {
      return mapEach(router.getMany(peers.map(keys.address)), (number) => (number === null ? undefined : fromStored(number)));
    },
  };
}
