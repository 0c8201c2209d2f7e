/** Links of packages as the orchestrator makes them, for devices that it can not write to: clients that only fetch. */
import { readFile } from 'node:fs/promises';
import { sealLink } from '@cluster/firmware';
import { KeyRing } from '@cluster/secrets';

const NUMBER_LENGTH = 8;
const KEPT_S = 3_600;

/** The link of a package for the device that got this location. `secretFile`: of the server, with one secret. */
export async function linkFor(secretFile: string, id: string, location: string): Promise<string> {
  const [key, hex = ''] = (await readFile(secretFile, 'utf8')).trim().split(' ');
  const ring = new KeyRing([{ id: Number(key), bytes: Buffer.from(hex, 'hex') }]);
  // A location begins with the number of its device.
  const device = location.replace('/rd/', '').slice(0, NUMBER_LENGTH);
  return sealLink(ring, { package: id, device, expiresAtS: Math.ceil(Date.now() / 1_000) + KEPT_S });
}
