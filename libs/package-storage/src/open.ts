/** The storage of packages that a configuration names. */
import type { PackageStorage } from '@cluster/firmware';
import { join } from 'node:path';
import { DirectoryStorage } from './directory.ts';

/** What of a configuration is asked. */
export interface StorageConfig {
  readonly firmwareDir?: string | undefined;
  readonly firmwareS3Bucket?: string | undefined;
  readonly firmwareS3Endpoint?: string | undefined;
  readonly firmwareS3Region: string;
  readonly dataDir: string;
}

/** Whether processes on other hosts see the same packages. */
export function sharesPackages({ firmwareDir, firmwareS3Bucket }: StorageConfig): boolean {
  return firmwareDir !== undefined || firmwareS3Bucket !== undefined;
}

/**
 * Opens LWM2M_FIRMWARE_S3_BUCKET or LWM2M_FIRMWARE_DIR; without both `firmware` in the data directory. A bucket need not be
 * there yet: `away` hears why it can not be reached. @throws {StorageUnavailable} for a directory
 */
export async function openPackageStorage(config: StorageConfig, away: (error: unknown) => void): Promise<PackageStorage> {
  const { firmwareDir, firmwareS3Bucket: bucket, firmwareS3Endpoint: endpoint, firmwareS3Region: region, dataDir } = config;
  if (bucket === undefined) return DirectoryStorage.open(firmwareDir ?? join(dataDir, 'firmware'));
  // The client is read where it is used alone.
  const { S3Storage } = await import('./s3.ts');
  const storage = new S3Storage({ bucket, endpoint, region });
  storage.check().catch(away);
  return storage;
}
