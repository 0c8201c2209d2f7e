/** Which device number an endpoint has: one key for each endpoint, in its own slot. */
import type { SessionStore } from '@cluster/session';
import { script, type Router } from './command.ts';
import { mapEach } from './faults.ts';
import type { Keys } from './keys.ts';
import * as scripts from './scripts.ts';
import { fromStored, toStored } from './stored-number.ts';

export function endpointIndex(router: Router, keys: Keys): Pick<SessionStore, 'resolve' | 'claim' | 'release'> {
  return {
    async resolve(endpoints) {
      return mapEach(router.getMany(endpoints.map(keys.endpoint)), (number) => (number === null ? undefined : fromStored(number)));
    },
    async claim(claims) {
      const commands = claims.map(({ endpoint, proposal, replaces }) =>
        script(scripts.claim, [keys.endpoint(endpoint)], toStored(proposal), replaces === undefined ? '' : toStored(replaces)),
      );
      return mapEach(router.execute(commands, 'durable'), (number) => fromStored(number as Buffer));
    },
    async release(endpoint, number) {
      await router.execute([script(scripts.release, [keys.endpoint(endpoint)], toStored(number))], 'durable');
    },
  };
}
