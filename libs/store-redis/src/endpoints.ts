/** Which device number an endpoint has: one key for each endpoint, in its own slot. */
import type { SessionStore } from '@cluster/session';
import { script, type Router } from './command.ts';
import type { Keys } from './keys.ts';
import * as scripts from './scripts.ts';

export function endpointIndex(router: Router, keys: Keys): Pick<SessionStore, 'resolve' | 'claim' | 'release'> {
  return {
    async resolve(endpoints) {
      const numbers = await router.getMany(endpoints.map(keys.endpoint));
      return numbers.map((number) => number?.toString('latin1'));
    },
    async claim(claims) {
      const commands = claims.map(({ endpoint, proposal, replaces = '' }) =>
        script(scripts.claim, [keys.endpoint(endpoint)], proposal, replaces),
      );
      return (await router.execute(commands, 'write')).map((number) => (number as Buffer).toString('latin1'));
    },
    async release(endpoint, number) {
      await router.execute([script(scripts.release, [keys.endpoint(endpoint)], number)], 'write');
    },
  };
}
