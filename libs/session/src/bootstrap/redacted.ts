/** Values as a flight record shows them: keys, secrets and whatever is opaque are left out. */
import type { BootstrapStep } from '@cluster/contracts';
import { formatPath, type ResourceLookup, type ResourceValue, toJsonValue } from '@cluster/lwm2m';

const LEFT_OUT = '…';
const SECRET = /secret|password|passphrase|\bkey\b|salt|\bpin\b/i;

export function redacted(values: readonly ResourceValue[], lookup: ResourceLookup): NonNullable<BootstrapStep['values']> {
  return values.map((value) => ({ path: formatPath(value.path), value: isSecret(value, lookup) ? LEFT_OUT : toJsonValue(value) }));
}

function isSecret({ path, value }: ResourceValue, lookup: ResourceLookup): boolean {
  if (value instanceof Uint8Array) return true;
  const [object, , resource] = path;
  if (object === undefined || resource === undefined) return false;
  const definition = lookup(object, resource);
  return definition === undefined || definition.type === 'opaque' || SECRET.test(definition.name);
}
