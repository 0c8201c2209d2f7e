/** Whether a package is for a device, and whether the device runs it. */
import type { FirmwareTarget } from '@cluster/contracts';
import type { DeviceFacts } from './update.ts';

const FIELDS = { manufacturer: 'manufacturer (/3/0/0)', model: 'model (/3/0/1)', hardwareVersion: 'hardware version (/3/0/18)' } as const;

/** Why the package is not for the device; undefined: it is. What the device does not tell does not fit. */
export function targetMismatch(target: FirmwareTarget, device: DeviceFacts): string | undefined {
  for (const [field, name] of Object.entries(FIELDS) as [keyof typeof FIELDS, string][]) {
    const wanted = target[field];
    if (wanted === undefined || wanted === device[field]) continue;
    const said = device[field] === undefined ? 'does not tell it' : `says "${device[field]}"`;
    return `the package is for ${name} "${wanted}", and the device ${said}`;
  }
  return undefined;
}

/** Versions are texts without an order: "1.1.1" is not "1.1.10", and no prefix is enough. */
export function isVersion(device: DeviceFacts, version: string): boolean {
  return device.version === version;
}

/** Whether the device runs one of these versions; undefined: any will do. */
export function isAmong(device: DeviceFacts, versions: readonly string[] | undefined): boolean {
  return versions === undefined || versions.some((version) => isVersion(device, version));
}
