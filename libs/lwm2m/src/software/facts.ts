/** What values of a device tell about one of its software, whatever read, notification or Send brought them. */
import type { TellingValue } from '../firmware/facts.ts';
import { softwarePaths, SoftwareState } from './object9.ts';
import type { SoftwareFacts, SoftwareOperation } from './operation.ts';

/** Whether a value may matter to the software of a device. */
export function tellsOfSoftware({ path }: TellingValue): boolean {
  return path.startsWith('/9/') || IDENTITY[path] !== undefined;
}

type Text = 'manufacturer' | 'model' | 'hardwareVersion' | 'name' | 'version';
const IDENTITY: Readonly<Record<string, Text>> = { '/3/0/0': 'manufacturer', '/3/0/1': 'model', '/3/0/18': 'hardwareVersion' };

/** The operation with what the device told at `atMs`; what is older than known changes nothing. */
export function learn(operation: SoftwareOperation, values: readonly TellingValue[], atMs: number): SoftwareOperation {
  const paths = softwarePaths(operation.instance);
  const telling = values.filter(({ path }) => path.startsWith(`${paths.instance}/`) || IDENTITY[path] !== undefined);
  if (telling.length === 0 || atMs < operation.device.atMs) return operation;
  const texts: Readonly<Record<string, Text>> = { ...IDENTITY, [paths.name]: 'name', [paths.version]: 'version' };
  const device: SoftwareFacts = { ...operation.device };
  for (const { path, value } of telling) {
    const text = texts[path];
    if (text !== undefined && typeof value === 'string') device[text] = value;
    const told = toldOf(paths, path, value);
    if (told !== undefined) Object.assign(device, told, { atMs });
  }
  const { state, result, active } = operation.device;
  const moved = device.state !== state || device.result !== result || device.active !== active;
  return {
    ...operation, device,
    ...(moved ? { looks: 0 } : {}),
    // The device has taken an old result back: from now on each one counts.
    ...(device.result !== operation.staleResult ? { staleResult: undefined } : {}),
  };
}

/** A state that the object does not have tells nothing. */
function toldOf(paths: ReturnType<typeof softwarePaths>, path: string, value: unknown): Partial<SoftwareFacts> | undefined {
  if (path === paths.active && typeof value === 'boolean') return { active: value };
  if (typeof value !== 'number') return undefined;
  if (path === paths.state && Number.isInteger(value) && value >= SoftwareState.INITIAL && value <= SoftwareState.INSTALLED) return { state: value };
  return path === paths.result ? { result: value } : undefined;
}
