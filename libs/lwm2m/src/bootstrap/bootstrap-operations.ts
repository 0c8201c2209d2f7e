/** The requests of the bootstrap interface as CoAP has them. OMA Transport 1.1.1 §6.4.2. */
import { encodeUtf8 } from '@cluster/bytes';
import { Code, type CoapOption, OptionNumber, uintValue } from '@cluster/coap';
import { encodeContent } from '../content/content.ts';
import { ContentFormat } from '../content/format.ts';
import { formatPath, type Path } from '../path.ts';
import type { ResourceLookup, ResourceValue } from '../values.ts';

export type BootstrapOperation = 'discover' | 'delete' | 'write' | 'read' | 'finish';

export interface BootstrapCommand {
  readonly operation: BootstrapOperation;
  /** "/" for a Delete or Discover of everything; "/bs" for Finish. */
  readonly path: string;
  readonly code: number;
  readonly options: readonly CoapOption[];
  readonly payload?: Uint8Array;
  readonly contentFormat?: number;
}

export function bootstrapDiscover(path: Path): BootstrapCommand {
  return { operation: 'discover', path: formatPath(path), code: Code.GET, options: [...segments(path), option(OptionNumber.ACCEPT, ContentFormat.LINK)] };
}

export function bootstrapDelete(path: Path): BootstrapCommand {
  return { operation: 'delete', path: formatPath(path), code: Code.DELETE, options: segments(path) };
}

export function bootstrapRead(path: Path, accept: number): BootstrapCommand {
  return { operation: 'read', path: formatPath(path), code: Code.GET, options: [...segments(path), option(OptionNumber.ACCEPT, accept)], contentFormat: accept };
}

/** Replaces one object instance. Throws `ContentError` for values that the format can't express. */
export function bootstrapWrite(path: Path, values: readonly ResourceValue[], contentFormat: number, lookup: ResourceLookup): BootstrapCommand {
  const payload = encodeContent(contentFormat, values, path, lookup);
  const options = [...segments(path), option(OptionNumber.CONTENT_FORMAT, contentFormat)];
  return { operation: 'write', path: formatPath(path), code: Code.PUT, options, payload, contentFormat };
}

/** Bootstrap-Finish: the client checks what it has and goes to its servers. */
export function bootstrapFinish(): BootstrapCommand {
  return { operation: 'finish', path: '/bs', code: Code.POST, options: [text('bs')] };
}

/** All instances at once, as the answer to a Bootstrap-Pack-Request. OMA LwM2M Core 1.2 §6.1.7.7 */
export function bootstrapPack(values: readonly ResourceValue[], contentFormat: number, lookup: ResourceLookup): Uint8Array {
  return encodeContent(contentFormat, values, [], lookup);
}

function segments(path: Path): CoapOption[] {
  return path.map((id) => text(String(id)));
}

function text(value: string): CoapOption {
  return { number: OptionNumber.URI_PATH, value: encodeUtf8(value) };
}

function option(number: number, value: number): CoapOption {
  return { number, value: uintValue(value) };
}
