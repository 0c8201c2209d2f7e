/** What readers are shown: the directory of endpoints, and the last values of each. */
import { Buffer } from 'node:buffer';
import type { ReadModelStore, StoredValue } from '@cluster/session';
import { command, script, type Argument, type Router } from './command.ts';
import { directory } from './directory.ts';
import { fields } from './fields.ts';
import type { Keys } from './keys.ts';
import * as scripts from './scripts.ts';

const TIME_BYTES = 8;

export function readModel(router: Router, keys: Keys): ReadModelStore {
  return {
    ...directory(router, keys),
    async putValues(values, maxPaths) {
      const commands = values
        .filter((endpoint) => endpoint.values.length > 0)
        .map(({ endpoint, values: ofOne }) =>
          script(scripts.putValues, [keys.values(endpoint)], maxPaths, ...ofOne.flatMap(toArguments)),
        );
      await router.execute(commands, 'durable');
    },
    async values(endpoint) {
      const [reply] = await router.execute([command(keys.values(endpoint), 'hgetall')], 'plain');
      return fields(reply!).map(([path, value]) => ({
        path,
        atMs: value.readDoubleBE(0),
        json: value.toString('utf8', TIME_BYTES),
      }));
    },
    async forgetValues(endpoint) {
      await router.execute([command(keys.values(endpoint), 'del')], 'durable');
    },
  };
}

function toArguments({ path, atMs, json }: StoredValue): Argument[] {
  const value = Buffer.allocUnsafe(TIME_BYTES + Buffer.byteLength(json));
  value.writeDoubleBE(atMs);
  value.write(json, TIME_BYTES);
  return [path, value];
}
