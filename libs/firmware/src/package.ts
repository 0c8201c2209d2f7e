/** What is kept of a package beside its bytes, as operators announced it. */
import { packageRequest, type PackageView } from '@cluster/contracts';
import { z } from 'zod';

/** The set of documents that holds all packages. */
export const PACKAGES = 'firmware-packages';
export const PACKAGES_LIMIT = { documents: 10_000, bytes: 16 * 1_048_576 } as const;

const firmwarePackage = z.object({ ...packageRequest.shape, state: z.enum(['uploading', 'ready']), createdAtMs: z.number() });
export type FirmwarePackage = z.infer<typeof firmwarePackage>;

/** A stored package that this version cannot read. */
export class PackageUnreadable extends Error {
  readonly code = 'PACKAGE_UNREADABLE';
}

export function encodePackage(one: FirmwarePackage): string {
  return JSON.stringify(one);
}

/** @throws {PackageUnreadable} */
export function decodePackage(document: string): FirmwarePackage {
  try {
    return firmwarePackage.parse(JSON.parse(document));
  } catch (cause) {
    throw new PackageUnreadable('a package can not be read', { cause });
  }
}

/** The package as REST shows it; `received`: bytes of it that are stored. */
export function packageView(id: string, one: FirmwarePackage, received: number): PackageView {
  const { state, version, name, size, sha256, target = {}, signature, createdAtMs } = one;
  return {
    id, state, version, size, received, sha256, target, createdAt: new Date(createdAtMs).toISOString(),
    ...(name === undefined ? {} : { name }),
    ...(signature === undefined ? {} : { signature: { algorithm: signature.algorithm, keyId: signature.keyId } }),
  };
}
