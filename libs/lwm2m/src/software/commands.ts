/** The commands of a software's operation, as they go to the device's queue. */
import type { CommandRequest } from '@cluster/contracts';
import { commandKeys, timeToLiveS } from '../firmware/command-keys.ts';
import { ContentFormat } from '../content/format.ts';
import { softwarePaths, SoftwareState } from './object9.ts';
import { limitMs, type SoftwareAction, type SoftwareOperation } from './operation.ts';

const keys = commandKeys('sw');
export const { idPrefix: SOFTWARE_COMMAND_PREFIX, idOf: softwareCommandId, placeOf: softwareOfCommand } = keys;

type Body = Omit<CommandRequest, 'ttlS' | 'idempotencyKey' | 'priority'>;

/** Packages go behind everything else that waits for the device. */
const PRIORITY = { push: 1, other: 4 } as const;
const LOOKS: ReadonlySet<SoftwareAction> = new Set(['observe', 'look', 'identify', 'version', 'forget']);
/** Argument 1: ForUpdate. OMA LwM2M registry, object 9, resource 6 */
const FOR_UPDATE = '1';

/** The command that is out. `uri`: where the device pulls its package from. */
export function commandOf(operation: SoftwareOperation, uri: () => string): CommandRequest | undefined {
  const { out, id, instance } = operation;
  if (out === undefined) return undefined;
  const priority = out.action === 'push' ? PRIORITY.push : PRIORITY.other;
  // What changes the state of a software takes the place of what still waits to do so.
  const supersede = LOOKS.has(out.action) ? {} : { supersede: `software-${instance}` };
  const ttlS = timeToLiveS(limitMs(operation) - out.atMs);
  return { ...bodyOf(operation, out.action, uri), ...supersede, ttlS, priority, idempotencyKey: keys.keyOf(id, out.step) };
}

function bodyOf(operation: SoftwareOperation, action: SoftwareAction, uri: () => string): Body {
  const paths = softwarePaths(operation.instance);
  switch (action) {
    case 'observe': return { op: 'observe', path: paths.instance };
    case 'forget': return { op: 'cancel-observe', path: paths.instance };
    case 'look': case 'version': return { op: 'read', path: paths.instance };
    case 'identify': return { op: 'read', path: '/3/0' };
    case 'create': return { op: 'create', path: paths.instance };
    case 'prepare': return { op: 'execute', path: paths.uninstall, ...(operation.device.state === SoftwareState.INSTALLED ? { arguments: FOR_UPDATE } : {}) };
    case 'push': return { op: 'write', path: paths.package, package: operation.package?.id ?? '', contentFormat: ContentFormat.OPAQUE };
    case 'send-uri': return { op: 'write', path: paths.packageUri, value: uri(), repeatable: true };
    case 'install': case 'activate': case 'deactivate': case 'uninstall': return { op: 'execute', path: paths[action] };
  }
}
