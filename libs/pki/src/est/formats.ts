/** The resources of EST over CoAP and the content formats of their messages. RFC 9148 §4.1, §4.3 and §9.1 */
import { concatBytes, encodeUtf8, hex } from '@cluster/bytes';

export const EstFormat = {
  linkFormat: 40,
  /** application/multipart-core. RFC 8710 §3 */
  multipart: 62,
  certsOnly: 281,
  pkcs8: 284,
  csrAttributes: 285,
  pkcs10: 286,
  certificate: 287,
} as const;

export interface EstResourceInfo {
  readonly method: 'GET' | 'POST';
  /** Of its answers. */
  readonly formats: readonly number[];
  /** The server makes the key. */
  readonly serverKey?: boolean;
}

const ONE_OR_ALL = [EstFormat.certsOnly, EstFormat.certificate] as const;

export const EST_RESOURCES: Readonly<Record<string, EstResourceInfo>> = {
  crts: { method: 'GET', formats: ONE_OR_ALL },
  sen: { method: 'POST', formats: ONE_OR_ALL },
  sren: { method: 'POST', formats: ONE_OR_ALL },
  att: { method: 'GET', formats: [EstFormat.csrAttributes] },
  skg: { method: 'POST', formats: [EstFormat.multipart], serverKey: true },
  skc: { method: 'POST', formats: [EstFormat.multipart], serverKey: true },
};

/** The links that a query of `/.well-known/core` asks for: all, or those of its `rt`, which may end in `*`. RFC 6690 §4.1 */
export function estLinks(names: readonly string[], query: readonly string[]): Uint8Array {
  const filters = query.map((each) => /^rt="?(.*?)"?$/.exec(each)?.[1]);
  const links = names.filter((name) => filters.every((filter) => filter === undefined || matches(`ace.est.${name}`, filter)));
  return encodeUtf8(links.map((name) => `</.well-known/est/${name}>;rt="ace.est.${name}";ct=${formatsText(EST_RESOURCES[name]!)}`).join(','));
}

function matches(type: string, filter: string): boolean {
  return filter.endsWith('*') ? type.startsWith(filter.slice(0, -1)) : type === filter;
}

function formatsText({ formats }: EstResourceInfo): string {
  return formats.length === 1 ? String(formats[0]) : `"${formats.join(' ')}"`;
}

/** CsrAttrs (RFC 7030 §4.5.2): a key of secp256r1, a signature of ECDSA with SHA-256. */
export const CSR_ATTRIBUTES = hex('3021301506072a8648ce3d0201310a06082a8648ce3d03010706082a8648ce3d040302');

/** Representations with their formats, as a CBOR array. RFC 8710 §2 */
export function multipart(parts: readonly (readonly [format: number, body: Uint8Array])[]): Uint8Array {
  const items = parts.flatMap(([format, body]) => [cborHead(0, format), cborHead(2, body.length), body]);
  return concatBytes([cborHead(4, parts.length * 2), ...items]);
}

/** Major type and argument. RFC 8949 §3 */
function cborHead(major: number, argument: number): Uint8Array {
  const type = major << 5;
  if (argument < 24) return Uint8Array.of(type | argument);
  return argument < 0x100 ? Uint8Array.of(type | 24, argument) : Uint8Array.of(type | 25, argument >> 8, argument);
}
