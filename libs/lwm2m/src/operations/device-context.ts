/** What the operations need to know of a device: what its registration told. */
import type { Lwm2mVersion } from '../model/core-versions.ts';
import type { ResourceLookup } from '../values.ts';

export interface DeviceContext {
  /** "/" or the alternate path, which goes before every path (Transport 1.1.1 §6.4.1). */
  readonly rootPath: string;
  readonly lwm2mVersion: Lwm2mVersion;
  /** `ct` of the root link; empty where the client announced nothing. */
  readonly contentFormats: readonly number[];
  readonly lookup: ResourceLookup;
}
