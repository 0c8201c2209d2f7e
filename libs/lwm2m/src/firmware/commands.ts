/** The commands of an update, as they go to the device's queue, and the keys by which their ends are known. */
import type { CommandRequest } from '@cluster/contracts';
import { ContentFormat } from '../content/format.ts';
import { commandKeys, timeToLiveS } from './command-keys.ts';
import { keepCommand, NOTHING_KEPT } from './keep.ts';
import { FIRMWARE } from './object5.ts';
import { limitMs, type FirmwareAction, type FirmwareUpdate } from './update.ts';

const keys = commandKeys('fw');
export const { idPrefix: FIRMWARE_COMMAND_PREFIX, idOf: firmwareCommandId, placeOf: firmwareOfCommand } = keys;

/** One NUL byte. OMA LwM2M registry, object 5, resource 3 */
const NULL_PACKAGE = 'AA==';

type Body = Omit<CommandRequest, 'ttlS' | 'idempotencyKey' | 'priority'>;

const BODIES: Readonly<Record<Exclude<FirmwareAction, 'push' | 'send-uri' | 'export' | 'recall' | 'restore'>, Body>> = {
  'observe': { op: 'observe', path: FIRMWARE.instance },
  'look': { op: 'read', path: FIRMWARE.instance },
  'identify': { op: 'read', path: '/3/0' },
  'version': { op: 'read', path: '/3/0' },
  'reset-uri': { op: 'write', path: FIRMWARE.packageUri, value: '', repeatable: true },
  'reset-package': { op: 'write', path: FIRMWARE.package, payloadBase64: NULL_PACKAGE, contentFormat: ContentFormat.OPAQUE, repeatable: true },
  'cancel': { op: 'execute', path: FIRMWARE.cancel },
  'update': { op: 'execute', path: FIRMWARE.update },
  'forget': { op: 'cancel-observe', path: FIRMWARE.instance },
};

/** Packages go behind everything else that waits for the device. */
const PRIORITY = { push: 1, other: 4 } as const;
/** What changes the device's state takes the place of what still waits to do so: a push that is cancelled goes no further. */
const SUPERSEDE = 'firmware';
const LOOKS: ReadonlySet<FirmwareAction> = new Set(['observe', 'look', 'identify', 'version', 'forget', 'export', 'recall']);
/** The command that is out. `uri`: where the device pulls its package from. */
export function commandOf(update: FirmwareUpdate, uri: () => string): CommandRequest | undefined {
  const { out, id } = update;
  if (out === undefined) return undefined;
  const ttlS = timeToLiveS(limitMs(update) - out.atMs);
  const priority = out.action === 'push' ? PRIORITY.push : PRIORITY.other;
  const supersede = LOOKS.has(out.action) ? {} : { supersede: SUPERSEDE };
  return { ...bodyOf(update, out.action, uri), ...supersede, ttlS, priority, idempotencyKey: keys.keyOf(id, out.step) };
}

function bodyOf(update: FirmwareUpdate, action: FirmwareAction, uri: () => string): Body {
  if (action === 'push') return { op: 'write', path: FIRMWARE.package, package: update.package.id, contentFormat: ContentFormat.OPAQUE };
  if (action === 'send-uri') return { op: 'write', path: FIRMWARE.packageUri, value: uri(), repeatable: true };
  if (action === 'export' || action === 'recall' || action === 'restore') return keepCommand(action, update.keep ?? { paths: [], ...NOTHING_KEPT });
  return BODIES[action];
}
