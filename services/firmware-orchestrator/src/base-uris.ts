/** Where devices reach the files of the cluster, by scheme. */
import type { firmware } from '@cluster/lwm2m';
import type { FirmwareOptions } from './options.ts';

/** Of one URI for each scheme, as the configuration has checked them. */
export function baseUrisOf(uris: readonly string[] | undefined): FirmwareOptions['baseUris'] {
  return Object.fromEntries((uris ?? []).map((uri) => [uri.slice(0, uri.indexOf(':')) as firmware.FirmwareScheme, uri.replace(/\/+$/, '')]));
}
