/**
 * Paths of templates. `*` may stand in the place of the object instance: every instance that the device announced. A
 * path whose object, or whose instance, the device did not announce is left out: it would only be refused.
 */
import { parsePath, type Path } from '@cluster/lwm2m';
import type { Announced } from './announced.ts';

const WILDCARD = /^\/(\d{1,5})\/\*((?:\/\d{1,5}){0,2})$/;

/** A path as it could stand in a request, with an instance in the place of the wildcard: what rules for paths are asked about. */
export function exampleOf(path: string): string {
  return path.replace(WILDCARD, '/$1/0$2');
}

/** The paths that a template's path means at one device. */
export function expandPath(path: string, announced: Announced): string[] {
  const wildcard = WILDCARD.exec(path);
  if (wildcard === null) return isAnnounced(parsePath(path), announced) ? [path] : [];
  const [, object, rest = ''] = wildcard;
  return announced.instances(Number(object)).map((instance) => `/${object}/${instance}${rest}`);
}

/** The root is always there. Beyond the instance nothing is announced. */
function isAnnounced(path: Path | undefined, announced: Announced): boolean {
  if (path === undefined) return false;
  const [object, instance] = path;
  return object === undefined || announced.has(object, instance);
}
