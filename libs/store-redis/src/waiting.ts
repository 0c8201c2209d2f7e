/** What waits for the devices of each tenant: one hash a tenant, with the sums of its fields beside them. */
import type { SessionStore } from '@cluster/session';
import { script, type Argument, type Router } from './command.ts';
import type { Keys } from './keys.ts';
import * as scripts from './scripts.ts';

export function tenantAccounts(router: Router, keys: Keys): Pick<SessionStore, 'reserve' | 'account'> {
  return {
    async reserve({ tenant, number, entries, bytes }, limit) {
      const add = script(scripts.reserve, [keys.waiting(tenant)], number, entries, bytes, limit.entries, limit.bytes);
      const [reserved] = await router.execute([add], 'plain');
      return reserved === 1;
    },
    async account(list) {
      const byTenant = Map.groupBy(list, ({ tenant }) => tenant);
      const commands = [...byTenant].map(([tenant, own]) => {
        const args: Argument[] = [];
        for (const { number, entries, bytes } of own) args.push(number, entries, bytes);
        const key = keys.waiting(tenant);
        return { key, run: scripts.account, keys: [key], args };
      });
      if (commands.length > 0) await router.execute(commands, 'plain');
    },
  };
}
