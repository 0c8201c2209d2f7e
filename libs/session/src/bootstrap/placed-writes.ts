/**
 * Where instances are written: as the configuration says, unless the client's bootstrap account stands there. Then a free
 * instance takes its place, and links to it follow. OMA LwM2M Core 1.1 §6.1.7.4
 */
import { bootstrapAccount, type Discovered, formatPath, type ObjectLink, parsePath, type Path } from '@cluster/lwm2m';
import type { ProvisionedInstance } from './bootstrap-desk.ts';
import { bootstrapInstances } from './deletes.ts';

const SECURITY = 0;
/** /0/x/1: whether the instance is the bootstrap account. */
const BOOTSTRAP_SERVER = 1;

export function placedWrites(writes: readonly ProvisionedInstance[], discovered: Discovered | undefined): readonly ProvisionedInstance[] {
  if (discovered === undefined) return writes;
  const taken = bootstrapInstances(discovered);
  const account = bootstrapAccount(discovered);
  const used = new Set([...writes.map(({ path }) => path), ...taken.map(formatPath)]);
  const moved = new Map<string, Path>();
  for (const write of writes) {
    const path = parsePath(write.path) ?? [];
    if (account !== undefined && isBootstrapAccount(write)) moved.set(write.path, account);
    else if (taken.some((each) => formatPath(each) === write.path)) moved.set(write.path, free(path[0]!, used));
  }
  return moved.size === 0 ? writes : writes.map((write) => placed(write, moved));
}

function isBootstrapAccount({ path, resources }: ProvisionedInstance): boolean {
  return parsePath(path)?.[0] === SECURITY && resources.some(({ id, value }) => id === BOOTSTRAP_SERVER && value === true);
}

function free(object: number, used: Set<string>): Path {
  let instance = 0;
  while (used.has(formatPath([object, instance]))) instance += 1;
  used.add(formatPath([object, instance]));
  return [object, instance];
}

function placed({ path, resources }: ProvisionedInstance, moved: ReadonlyMap<string, Path>): ProvisionedInstance {
  const to = moved.get(path);
  return {
    path: to === undefined ? path : formatPath(to),
    resources: resources.map((resource) => {
      if (resource.type !== 'objlnk') return resource;
      const { object, instance } = resource.value as ObjectLink;
      const target = moved.get(formatPath([object, instance]));
      return target === undefined ? resource : { ...resource, value: { object: target[0]!, instance: target[1]! } };
    }),
  };
}
