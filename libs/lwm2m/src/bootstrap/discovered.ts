/** The answer to a Bootstrap-Discover: which object instances a client has, and which of them are its bootstrap account. */
import { decodeUtf8Strict } from '@cluster/bytes';
import type { Lwm2mVersion } from '../model/core-versions.ts';
import { formatPath, parsePath, type Path } from '../path.ts';
import { type Link, linkParameter, parseLinkFormat } from '../registration/link-format.ts';

export interface DiscoveredInstance {
  readonly path: Path;
  /** Short Server ID that an instance of 0, 1 or 21 belongs to. OMA LwM2M Core 1.1 §6.1.7.3 */
  readonly shortServerId?: number;
  /** LwM2M Server URI of an instance of 0. */
  readonly uri?: string;
}

export interface Discovered {
  /** The client's enabler; undefined where it says nothing that is known here. */
  readonly version?: Lwm2mVersion;
  /** Versions of objects that are not those of the enabler. */
  readonly objectVersions: ReadonlyMap<number, string>;
  readonly instances: readonly DiscoveredInstance[];
}

export type DiscoverResult = { readonly ok: true; readonly discovered: Discovered } | { readonly ok: false; readonly detail: string };

/** Parses link-format as clients of 1.0 (`lwm2m="1.0",</0/0>`) and later (`</>;lwm2m=1.1,</0/0>`) send it. */
export function parseDiscovered(payload: Uint8Array): DiscoverResult {
  const text = decodeUtf8Strict(payload);
  if (text === undefined) return { ok: false, detail: 'not UTF-8' };
  const parsed = parseLinkFormat(text, { bareParameters: true });
  if (!parsed.ok) return parsed;
  const told = parsed.links.map((link) => linkParameter(link, 'lwm2m')).find((version) => version !== undefined);
  const objectVersions = new Map<number, string>();
  const instances: DiscoveredInstance[] = [];
  for (const link of parsed.links) {
    const path = parsePath(link.target);
    if (path?.length === 2) instances.push(instanceOf(path, link));
    const version = linkParameter(link, 'ver');
    if (path?.[0] !== undefined && version !== undefined) objectVersions.set(path[0], version);
  }
  const version = told === '1.0' || told === '1.1' || told === '1.2' ? { version: told } as const : {};
  return { ok: true, discovered: { ...version, objectVersions, instances } };
}

function instanceOf(path: Path, link: Link): DiscoveredInstance {
  const ssid = linkParameter(link, 'ssid');
  const uri = linkParameter(link, 'uri');
  return {
    path,
    ...(ssid !== undefined && /^\d{1,5}$/.test(ssid) && { shortServerId: Number(ssid) }),
    ...(uri !== undefined && { uri }),
  };
}

/** The instance of object 0 that holds the bootstrap account: the one without a Short Server ID. */
export function bootstrapAccount({ instances }: Discovered): Path | undefined {
  return instances.find(({ path, shortServerId }) => path[0] === 0 && shortServerId === undefined)?.path;
}

/** Instances as text, with what was told of them, for whoever looks at a session. */
export function describeInstances({ instances }: Discovered): string[] {
  return instances.map(({ path, shortServerId, uri }) =>
    [formatPath(path), shortServerId === undefined ? '' : `ssid=${shortServerId}`, uri === undefined ? '' : `uri=${uri}`].filter((part) => part !== '').join(' '));
}
