/** Payloads of LwM2M operations, both ways, by their Content-Format (OMA LwM2M Core 1.2 §7.4). */
import { type Path, formatPath, isUnder } from '../path.ts';
import type { ResourceLookup, ResourceValue } from '../values.ts';
import { writable } from './convert.ts';
import { ContentError, type ContentFault, MAX_PAYLOAD_BYTES, Malformed } from './faults.ts';
import { ContentFormat, contentFormatName, registeredFormat } from './format.ts';
import { readLwm2mCbor, readLwm2mCborPaths, writeLwm2mCbor, writeLwm2mCborPaths } from './lwm2m-cbor.ts';
import { readSenmlCbor, writeSenmlCbor } from './senml-cbor.ts';
import { readLwm2mJson, readSenmlJson, writeLwm2mJson, writeSenmlJson } from './senml-json.ts';
import { packRecords, pathRecords, readLwm2mPack, readPack, readPackPaths } from './senml-pack.ts';
import { readCbor, readLinks, readOpaque, readText, writeCbor, writeLinks, writeOpaque, writeText } from './text.ts';
import { readTlv } from './tlv-reader.ts';
import { writeTlv } from './tlv-writer.ts';
import { hasDuplicate } from './duplicates.ts';

export interface ContentOptions {
  /** Alternate path of the client, e.g. "/lwm2m": names in SenML and LwM2M JSON begin with it; names without it are read too. */
  readonly root?: string;
  /**
   * LwM2M CBOR whose ids begin below the base instead of with the object. OMA LwM2M Core 1.2 §7.4.4 allows it in Write
   * and Create only, and not every client understands it.
   */
  readonly relative?: boolean;
}

export interface DecodeOptions extends ContentOptions {
  /** Now, in seconds since 1970: makes times absolute that SenML tells relative to now. Without it they stay below 2^28, as they came. */
  readonly nowS?: number;
}

export interface Refusal {
  readonly ok: false;
  readonly fault: ContentFault;
  readonly detail: string;
}

export type DecodedContent = { readonly ok: true; readonly values: ResourceValue[] } | Refusal;
export type DecodedPaths = { readonly ok: true; readonly paths: Path[] } | Refusal;

/**
 * Values of a payload, in its order; several for one path where SenML tells a history. `base` is the request's path:
 * [] for composite operations and Send; formats without absolute names (TLV, text, opaque, CBOR) need it, and no value may
 * lie outside it. A value that contradicts the type of its resource is kept as `unknown` in the form in which it came.
 */
export function decodeContent(contentFormat: number, payload: Uint8Array, base: Path, lookup: ResourceLookup, options: DecodeOptions = {}): DecodedContent {
  return refusing(payload, () => {
    const values = read(registeredFormat(contentFormat), payload, base, lookup, options);
    for (const { path } of values) {
      if (!isUnder(path, base)) throw new Malformed('OUTSIDE_BASE', `${formatPath(path)} is not under ${formatPath(base)}`);
    }
    return { ok: true, values };
  });
}

/** A payload with these values, all at or under `base`. Throws {@link ContentError} for what the format can't express. */
export function encodeContent(contentFormat: number, values: readonly ResourceValue[], base: Path, lookup: ResourceLookup, options: ContentOptions = {}): Uint8Array {
  for (const { path } of values) {
    if (!isUnder(path, base)) throw new ContentError('CONTENT_PATH', `${formatPath(path)} is not under ${formatPath(base)}`);
  }
  const typed = values.map((value) => writable(value, lookup));
  return write(contentFormat, typed, base, lookup, options);
}

/** Body of a Read-Composite or Observe-Composite: SenML (110, 112, 320, 322) or LwM2M CBOR. */
export function encodePaths(contentFormat: number, paths: readonly Path[], options: Pick<ContentOptions, 'root'> = {}): Uint8Array {
  switch (contentFormat) {
    case ContentFormat.SENML_JSON:
    case ContentFormat.SENML_ETCH_JSON:
      return writeSenmlJson(pathRecords(paths, rootOf(options)));
    case ContentFormat.SENML_CBOR:
    case ContentFormat.SENML_ETCH_CBOR:
      return writeSenmlCbor(pathRecords(paths, rootOf(options)));
    case ContentFormat.LWM2M_CBOR:
      return writeLwm2mCborPaths(paths);
    default:
      throw new ContentError('CONTENT_FORMAT', `${contentFormatName(contentFormat)} can't list paths`);
  }
}

/** Paths of the body of a Read-Composite or Observe-Composite, as {@link encodePaths} writes it. */
export function decodePaths(contentFormat: number, payload: Uint8Array, options: Pick<ContentOptions, 'root'> = {}): DecodedPaths {
  return refusing(payload, () => ({ ok: true, paths: readPaths(contentFormat, payload, options) }));
}

/** The border behind which a peer's fault is a value. */
function refusing<T>(payload: Uint8Array, decode: () => T): T | Refusal {
  if (payload.length > MAX_PAYLOAD_BYTES) return { ok: false, fault: 'TOO_LARGE', detail: `${payload.length} bytes` };
  try {
    return decode();
  } catch (error) {
    if (error instanceof Malformed) return { ok: false, fault: error.code, detail: error.message };
    throw error;
  }
}

function read(format: number, payload: Uint8Array, base: Path, lookup: ResourceLookup, options: DecodeOptions): ResourceValue[] {
  switch (format) {
    case ContentFormat.TEXT:
      return readText(payload, base, lookup);
    case ContentFormat.LINK:
      return readLinks(payload, base);
    case ContentFormat.OPAQUE:
      return readOpaque(payload, base, lookup);
    case ContentFormat.CBOR:
      return readCbor(payload, base, lookup);
    case ContentFormat.TLV:
      return unique(readTlv(payload, base, lookup));
    default:
      return readNamed(format, payload, base, lookup, options);
  }
}

/** Formats whose values carry their paths. An object without instances may come as no bytes at all (OMA LwM2M Transport 1.1.1 §6.4.4). */
function readNamed(format: number, payload: Uint8Array, base: Path, lookup: ResourceLookup, options: DecodeOptions): ResourceValue[] {
  const reading = { lookup, nowS: options.nowS, root: options.root, nulls: format === ContentFormat.SENML_ETCH_JSON || format === ContentFormat.SENML_ETCH_CBOR };
  switch (format) {
    case ContentFormat.SENML_JSON:
    case ContentFormat.SENML_ETCH_JSON:
      return payload.length === 0 ? [] : readPack(readSenmlJson(payload), reading);
    case ContentFormat.SENML_CBOR:
    case ContentFormat.SENML_ETCH_CBOR:
      return payload.length === 0 ? [] : readPack(readSenmlCbor(payload), reading);
    case ContentFormat.LWM2M_JSON:
      return payload.length === 0 ? [] : readLwm2mPack(readLwm2mJson(payload), base, reading);
    case ContentFormat.LWM2M_CBOR:
      return payload.length === 0 ? [] : unique(readLwm2mCbor(payload, options.relative === true ? base : [], lookup));
    default:
      throw new Malformed('FORMAT_UNSUPPORTED', contentFormatName(format));
  }
}

function readPaths(format: number, payload: Uint8Array, { root }: Pick<ContentOptions, 'root'>): Path[] {
  switch (format) {
    case ContentFormat.SENML_JSON:
    case ContentFormat.SENML_ETCH_JSON:
      return readPackPaths(readSenmlJson(payload), root);
    case ContentFormat.SENML_CBOR:
    case ContentFormat.SENML_ETCH_CBOR:
      return readPackPaths(readSenmlCbor(payload), root);
    case ContentFormat.LWM2M_CBOR:
      return readLwm2mCborPaths(payload);
    default:
      throw new Malformed('FORMAT_UNSUPPORTED', contentFormatName(format));
  }
}

function write(format: number, values: readonly ResourceValue[], base: Path, lookup: ResourceLookup, options: ContentOptions): Uint8Array {
  switch (format) {
    case ContentFormat.SENML_JSON:
      return writeSenmlJson(packRecords(values, base, rootOf(options), false));
    case ContentFormat.SENML_ETCH_JSON:
      return writeSenmlJson(packRecords(values, base, rootOf(options), true));
    case ContentFormat.SENML_CBOR:
      return writeSenmlCbor(packRecords(values, base, rootOf(options), false));
    case ContentFormat.SENML_ETCH_CBOR:
      return writeSenmlCbor(packRecords(values, base, rootOf(options), true));
    case ContentFormat.LWM2M_JSON:
      return writeLwm2mJson(packRecords(values, base, rootOf(options), false));
    default:
      return writeTimeless(format, values, base, lookup, options);
  }
}

/** Formats that tell neither time nor history. */
function writeTimeless(format: number, values: readonly ResourceValue[], base: Path, lookup: ResourceLookup, options: ContentOptions): Uint8Array {
  if (values.some((value) => value.time !== undefined)) throw new ContentError('CONTENT_FORMAT', `${contentFormatName(format)} tells no time`);
  if (hasDuplicate(values)) throw new ContentError('CONTENT_PATH', 'a path is there twice');
  switch (format) {
    case ContentFormat.TEXT:
      return writeText(values, base);
    case ContentFormat.LINK:
      return writeLinks(values);
    case ContentFormat.OPAQUE:
      return writeOpaque(values, base);
    case ContentFormat.CBOR:
      return writeCbor(values, base);
    case ContentFormat.TLV:
      return writeTlv(values, base, lookup);
    case ContentFormat.LWM2M_CBOR:
      return writeLwm2mCbor(values, options.relative === true ? base : []);
    default:
      throw new ContentError('CONTENT_FORMAT', `${contentFormatName(format)} is not written`);
  }
}

/** Neither TLV nor LwM2M CBOR has a history: a path that comes twice is a contradiction. */
function unique(values: ResourceValue[]): ResourceValue[] {
  if (hasDuplicate(values)) throw new Malformed('DUPLICATE', 'a path comes twice');
  return values;
}

function rootOf({ root }: Pick<ContentOptions, 'root'>): string {
  return root === undefined || root === '/' ? '' : root;
}
