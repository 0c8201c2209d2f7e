/** What the object model knows of one version of one object. */
import type { ResourceDefinition } from '../values.ts';

export interface ObjectDefinition {
  readonly id: number;
  readonly name: string;
  readonly urn: string;
  /** Version of the object, "major.minor". */
  readonly version: string;
  /** The LwM2M enabler that it needs, where the file tells. */
  readonly lwm2mVersion?: string;
  readonly multiple: boolean;
  readonly mandatory: boolean;
  readonly resources: ReadonlyMap<number, ResourceDefinition>;
}

export interface ObjectVersion {
  readonly major: number;
  readonly minor: number;
}

/** Parses "1.1"; undefined for anything else. */
export function parseVersion(text: string): ObjectVersion | undefined {
  const match = /^(\d{1,5})\.(\d{1,5})$/.exec(text);
  return match ? { major: Number(match[1]), minor: Number(match[2]) } : undefined;
}

/** Order of versions: negative when `a` is older. */
export function compareVersions(a: ObjectVersion, b: ObjectVersion): number {
  return a.major - b.major || a.minor - b.minor;
}
