/** Values as a flight record shows them: keys, secrets and whatever is opaque are left out. */
import type { BootstrapStep } from '@cluster/contracts';
import { formatPath, type ResourceLookup, type ResourceValue, toJsonValue } from '@cluster/lwm2m';

const LEFT_OUT = '…';
const PUBLIC = /public key/i;
const SECRET = /secret|password|passphrase|\bkey\b|salt|\bpin\b/i;

export function redacted(values: readonly ResourceValue[], lookup: ResourceLookup): NonNullable<BootstrapStep['values']> {
  return values.map((value) => ({ path: formatPath(value.path), value: isSecret(value, lookup) ? LEFT_OUT : toJsonValue(value) }));
}

/** Whether a resource of this name holds a secret, as far as a name can tell. */
export function isSecretName(name: string | undefined): boolean {
  return name === undefined || (SECRET.test(name) && !PUBLIC.test(name));
}

function isSecret({ path, value }: ResourceValue, lookup: ResourceLookup): boolean {
  if (value instanceof Uint8Array) return true;
  const [object, , resource] = path;
  if (object === undefined || resource === undefined) return false;
  const definition = lookup(object, resource);
  return definition === undefined || definition.type === 'opaque' || isSecretName(definition.name);
}
