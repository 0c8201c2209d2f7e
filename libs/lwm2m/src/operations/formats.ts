/**
 * Which content format a request uses, and which it asks for. A client's `ct` decides where it announced one. Where it did
 * not, 1.0 means TLV; a later client that announced nothing is asked without Accept, since it then answers in what it has
 * (every format is decoded by what arrives), whereas a wrong Accept costs a 4.06. Writes to such a client use what
 * most implementations have: text or opaque for one value, TLV for more. Each list is a ladder: after 4.06 or 4.15 the next
 * entry is worth a try. OMA LwM2M Core 1.2 §7.4.
 */
import type { CommandRequest } from '@cluster/contracts';
import { ContentFormat, registeredFormat } from '../content/format.ts';
import type { ResourceValue } from '../values.ts';
import type { DeviceContext } from './device-context.ts';

const { TEXT, OPAQUE, CBOR, SENML_JSON, SENML_CBOR, SENML_ETCH_JSON, SENML_ETCH_CBOR, TLV, LWM2M_JSON, LWM2M_CBOR } = ContentFormat;

/** Formats that hold paths, the shortest that keeps times first. */
const MANY = [SENML_CBOR, SENML_JSON, TLV, LWM2M_JSON, LWM2M_CBOR];
const ONE = [...MANY, CBOR, TEXT];
const SINGLE_VALUE: ReadonlySet<number> = new Set([TEXT, OPAQUE, CBOR]);

/** Whether a format holds just one value and no path: text, opaque and CBOR. */
export function isSingleValueFormat(contentFormat: number): boolean {
  return SINGLE_VALUE.has(registeredFormat(contentFormat));
}

/** Accept of a read or an observation of a path with `level` ids; undefined: none. */
export function acceptLadder(level: number, device: DeviceContext): (number | undefined)[] {
  if (device.lwm2mVersion === '1.0') return [TLV, ...announced([LWM2M_JSON], device), undefined];
  const ladder: (number | undefined)[] = announced(level >= 3 ? ONE : MANY, device);
  ladder.push(undefined);
  return ladder;
}

/** Content format of a write; `single`: one value, the target's own. */
export function writeLadder(values: readonly ResourceValue[], single: boolean, device: DeviceContext): readonly number[] {
  // A package of megabytes goes as it is, in blocks.
  if (single && values[0]?.type === 'opaque') return [OPAQUE, ...writeLadder(values, false, device)];
  if (device.lwm2mVersion === '1.0') return [TLV, ...announced([LWM2M_JSON], device), ...(single ? [TEXT] : [])];
  const known = announced(single ? ONE : MANY, device);
  if (known.length > 0) return known;
  const usual = device.lwm2mVersion === '1.1' ? [TLV, SENML_CBOR, SENML_JSON] : [SENML_CBOR, TLV, SENML_JSON, LWM2M_CBOR];
  return single ? [TEXT, ...usual] : usual;
}

/** Content format of a composite operation, asked for as well. Only SenML-ETCH can delete (Core 1.2 §7.4). */
export function compositeLadder(deletes: boolean, device: DeviceContext): readonly number[] {
  if (deletes) return [SENML_ETCH_CBOR, SENML_ETCH_JSON];
  const known = announced([SENML_CBOR, SENML_JSON, LWM2M_CBOR], device);
  return known.length > 0 ? known : [SENML_CBOR, SENML_JSON];
}

/** The rung of a ladder after so many refusals; the last one stays. What the command names is not argued with. */
export function rung<T>(ladder: readonly T[], refusals: number): T {
  return ladder[Math.min(refusals, ladder.length - 1)] as T;
}

/** Whether a command leaves the format to us, so that after a 4.06 or 4.15 another one may be tried. */
export function choosesFormat(command: CommandRequest): boolean {
  return command.accept === undefined && command.contentFormat === undefined;
}

function announced(ladder: readonly number[], device: DeviceContext): number[] {
  return ladder.filter((format) => device.contentFormats.includes(format));
}
