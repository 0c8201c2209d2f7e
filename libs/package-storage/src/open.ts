/** The storage of packages that a configuration names. */
import type { PackageStorage } from '@cluster/firmware';
import { join } from 'node:path';
import { DirectoryStorage } from './directory.ts';

/** What of a configuration is asked. */
export interface StorageConfig {
  readonly firmwareDir?: string | undefined;
  readonly dataDir: string;
}

/** Opens LWM2M_FIRMWARE_DIR; without it `firmware` in the data directory. @throws {StorageUnavailable} */
export function openPackageStorage({ firmwareDir, dataDir }: StorageConfig): Promise<PackageStorage> {
  return DirectoryStorage.open(firmwareDir ?? join(dataDir, 'firmware'));
}
