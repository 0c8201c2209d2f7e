/** Values of resources as the codecs give and take them: flat, each with its full path and type. */
import type { ValueType } from '@cluster/contracts';
import type { Path } from './path.ts';

/** object : instance. Null link: 65535:65535 (OMA LwM2M Core 1.1 appendix C). */
export interface ObjectLink {
  readonly object: number;
  readonly instance: number;
}

/**
 * integer, unsigned: number where it is safe, else bigint · float: number · time: seconds since 1970 (number or bigint) ·
 * opaque: bytes · objlnk: {@link ObjectLink} · string, corelnk: string · null: deletion in SenML-ETCH ·
 * unknown: string, number, bigint, boolean or bytes, as the format itself tells.
 */
export type Value = string | number | bigint | boolean | Uint8Array | ObjectLink | null;

export interface ResourceValue {
  /**
   * /o/i/r or /o/i/r/ri. An instance without resources, and a multiple resource without instances, appear as their own
   * path with the value null and type unknown.
   */
  readonly path: Path;
  readonly type: ValueType;
  readonly value: Value;
  /** The device's own time, seconds since 1970, where the format tells one. */
  readonly time?: number;
}

/** What the codecs need to know of a resource. */
export interface ResourceDefinition {
  readonly id: number;
  readonly name: string;
  readonly type: ValueType | 'none';
  readonly multiple: boolean;
  readonly operations: 'R' | 'W' | 'RW' | 'E' | '';
  readonly mandatory: boolean;
  readonly unit?: string;
  readonly range?: string;
}

/** Definition of a resource in the object version that a device announced; undefined where no definition is known. */
export type ResourceLookup = (object: number, resource: number) => ResourceDefinition | undefined;
