/** Payloads of the simulated device: which formats it speaks, and the project's codecs for them. */
import { decodeContent, decodePaths, encodeContent, type Path, type ResourceValue } from '@cluster/lwm2m';
import type { DataModel } from './data-model.ts';

/** Content formats by their registered numbers. */
export const formats = {
  text: 0, link: 40, opaque: 42, cbor: 60, senmlJson: 110, senmlCbor: 112,
  senmlEtchJson: 320, senmlEtchCbor: 322, tlv: 11_542, json: 11_543, lwm2mCbor: 11_544,
} as const;

const SINGLE_VALUE = new Set<number>([formats.text, formats.opaque, formats.cbor]);
const COMPOSITE = new Set<number>([
  formats.senmlJson, formats.senmlCbor, formats.senmlEtchJson, formats.senmlEtchCbor, formats.lwm2mCbor,
]);

const SPOKEN: Readonly<Record<string, readonly number[]>> = {
  '1.0': [0, 40, 42, 11_542, 11_543],
  '1.1': [0, 40, 42, 60, 110, 112, 11_542, 11_543],
  '1.2': [0, 40, 42, 60, 110, 112, 320, 322, 11_542, 11_543, 11_544],
};

/** A payload with its format. */
export interface Content {
  readonly contentFormat: number;
  readonly payload: Uint8Array;
}

/** Encodes and decodes for one device. Failures are response codes. */
export class ContentFormats {
  readonly #model: DataModel;
  readonly #version: string;
  readonly #rootPath: string;
  readonly #spoken: ReadonlySet<number>;

  constructor(model: DataModel, version: string, rootPath: string, spoken?: readonly number[]) {
    this.#model = model;
    this.#rootPath = rootPath;
    this.#version = version;
    this.#spoken = new Set(spoken ?? SPOKEN[version] ?? SPOKEN['1.1']);
  }

  /** Format of the answer to a Read or Observe; "4.06" where the device can't give what was asked for. */
  choose(accept: number | undefined, path: Path | undefined): number | '4.06' {
    if (accept === undefined) return this.#preferred(path);
    const fits = path === undefined ? COMPOSITE.has(accept) : !SINGLE_VALUE.has(accept) || this.#isSingle(path);
    return this.#spoken.has(accept) && accept !== formats.link && fits ? accept : '4.06';
  }

  /** Encodes values read at `base`. */
  encode(contentFormat: number, values: readonly ResourceValue[], base: Path): Content {
    return { contentFormat, payload: encodeContent(contentFormat, [...values], base, this.#model.lookup) };
  }

  /** Decodes what a server writes at `base`; "4.15" for a format not spoken, "4.00" for a malformed payload. */
  decode(contentFormat: number | undefined, payload: Uint8Array, base: Path): ResourceValue[] | '4.00' | '4.15' {
    const format = contentFormat ?? formats.text;
    const fits = base.length === 0 ? COMPOSITE.has(format) : !SINGLE_VALUE.has(format) || base.length > 2;
    if (!this.#spoken.has(format) || !fits) return '4.15';
    const decoded = this.#decodeEither(format, payload, base);
    if (!decoded.ok || decoded.values.some((value) => this.#contradicts(value))) return '4.00';
    return [...decoded.values];
  }

  /** What a Create carries: TLV without the instance's own entry leaves its id to the device. */
  decodeCreate(contentFormat: number | undefined, payload: Uint8Array, object: number): ResourceValue[] | '4.00' | '4.15' {
    const values = this.decode(contentFormat, payload, [object]);
    if (values !== '4.00') return values;
    return this.decode(contentFormat, payload, [object, this.#model.freeInstance(object)]);
  }

  /** Decodes the paths of Read-Composite and Observe-Composite. */
  decodePaths(contentFormat: number | undefined, payload: Uint8Array): Path[] | '4.00' | '4.15' {
    if (contentFormat === undefined || !this.#spoken.has(contentFormat) || !COMPOSITE.has(contentFormat)) return '4.15';
    const decoded = decodePaths(contentFormat, payload, { root: this.#rootPath });
    return decoded.ok ? [...decoded.paths] : '4.00';
  }

  /** Formats that the registration announces; 1.0 has no such attribute. */
  get announced(): readonly number[] {
    return this.#version === '1.0' ? [] : [...this.#spoken].filter((format) => COMPOSITE.has(format) || format === formats.tlv);
  }

  /** Format of Send unless told. */
  get ofSend(): number {
    return formats.senmlCbor;
  }

  /** In LwM2M CBOR a server may tell ids from the target on (OMA LwM2M Core 1.2 §7.4.4). */
  #decodeEither(format: number, payload: Uint8Array, base: Path): ReturnType<typeof decodeContent> {
    const options = { root: this.#rootPath };
    const decoded = decodeContent(format, payload, base, this.#model.lookup, options);
    if (decoded.ok || format !== formats.lwm2mCbor) return decoded;
    return decodeContent(format, payload, base, this.#model.lookup, { ...options, relative: true });
  }

  /** The codecs keep a value of the wrong type as unknown. */
  #contradicts({ path, type, value }: ResourceValue): boolean {
    const definition = this.#model.lookup(path[0] ?? -1, path[2] ?? -1);
    return path.length > 2 && definition !== undefined && type === 'unknown' && value !== null;
  }

  #preferred(path: Path | undefined): number {
    if (path !== undefined && this.#isSingle(path)) return this.#typeAt(path) === 'opaque' ? formats.opaque : formats.text;
    return this.#version === '1.0' ? formats.tlv : formats.senmlCbor;
  }

  #isSingle(path: Path): boolean {
    return path.length === 4 || (path.length === 3 && this.#model.resourceInstancesOf(path) === undefined);
  }

  #typeAt(path: Path): string | undefined {
    return this.#model.lookup(path[0] ?? -1, path[2] ?? -1)?.type;
  }
}
