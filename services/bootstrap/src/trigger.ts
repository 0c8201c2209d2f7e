/** The Bootstrap-Request Trigger: Execute of /1/x/9. OMA LwM2M Core 1.1 §6.1.3 */
import type { EndpointView } from '@cluster/contracts';

/** The device gets only the newest of several that wait. */
export const TRIGGER_KEY = 'bootstrap';

/** Paths of the Server instances that the device registered. */
export function serverInstances(view: EndpointView): string[] {
  const links = 'objectLinks' in view ? view.objectLinks : [];
  return (links ?? []).map(({ path }) => path).filter((path) => /^\/1\/\d+$/.test(path));
}
