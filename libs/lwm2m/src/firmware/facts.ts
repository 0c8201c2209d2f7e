/** What values of a device tell about its firmware, whatever read, notification or Send brought them. */
import type { JsonValue, ValueType } from '@cluster/contracts';
import { FIRMWARE } from './object5.ts';
import type { DeviceFacts, FirmwareUpdate } from './update.ts';

export interface TellingValue {
  readonly path: string;
  readonly value: JsonValue;
  readonly type?: ValueType | undefined;
}

const TEXTS: Readonly<Record<string, 'manufacturer' | 'model' | 'hardwareVersion' | 'version'>> = {
  '/3/0/0': 'manufacturer', '/3/0/1': 'model', '/3/0/3': 'version', '/3/0/18': 'hardwareVersion',
};

/** Whether a value matters to an update. */
export function tellsOfFirmware({ path }: TellingValue): boolean {
  return path.startsWith('/5/0/') || TEXTS[path] !== undefined;
}

/** The update with what the device told at `atMs`; what is older than known changes nothing. */
export function learn(update: FirmwareUpdate, values: readonly TellingValue[], atMs: number): FirmwareUpdate {
  if (values.length === 0 || atMs < update.device.atMs) return update;
  const device: DeviceFacts = { ...update.device };
  for (const { path, value } of values) {
    const text = TEXTS[path];
    if (text !== undefined && typeof value === 'string') device[text] = value;
    if (typeof value !== 'number') continue;
    if (path === FIRMWARE.state && value >= 0 && value <= 3) device.state = value;
    if (path === FIRMWARE.result) device.result = value;
    if (path === FIRMWARE.state || path === FIRMWARE.result) device.atMs = atMs;
    if (path === FIRMWARE.method) device.method = value;
  }
  const protocols = values.filter(({ path }) => path === FIRMWARE.protocols || path.startsWith(`${FIRMWARE.protocols}/`)).map(({ value }) => value);
  if (protocols.length > 0) device.protocols = protocols.filter((value) => typeof value === 'number');
  const moved = device.state !== update.device.state || device.result !== update.device.result;
  return {
    ...update, device,
    ...(moved ? { looks: 0 } : {}),
    // The device has taken an old result back: from now on each one counts.
    ...(device.result !== update.staleResult ? { staleResult: undefined } : {}),
  };
}
