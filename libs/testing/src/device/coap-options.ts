/**
 * node-coap's converters of Content-Format, Accept and Observe, replaced by plain numbers: LwM2M's formats are told by
 * number, and some (11543, 322) have no name there. Importing this file changes node-coap for the whole process.
 */
import { registerOption } from 'coap';

function toUint(value: Buffer): number {
  return value.length === 0 ? 0 : value.readUIntBE(0, Math.min(value.length, 6));
}

function fromUint(value: unknown): Buffer {
  const hex = Number(value).toString(16);
  if (Number(value) === 0) return Buffer.alloc(0); // RFC 7252 §3.2: as few bytes as represent it
  return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
}

registerOption('Content-Format', fromUint, toUint);
registerOption('Accept', fromUint, toUint);

/** Option numbers that coap-packet knows by no name (RFC 9175). */
export const ECHO = '252';

/** One option as coap-packet takes it. */
export interface RawOption {
  readonly name: string;
  readonly value: Buffer;
}

/** An unsigned integer option. */
export function uintOption(name: string, value: number): RawOption {
  return { name, value: fromUint(value) };
}

/** Block1 or Block2 (RFC 7959 §2.2). `exponent` is SZX: 6 means blocks of 1024 bytes. */
export function blockOption(name: 'Block1' | 'Block2', num: number, more: boolean, exponent: number): RawOption {
  const value = num * 16 + (more ? 8 : 0) + exponent;
  return { name, value: value === 0 ? Buffer.alloc(1) : fromUint(value) };
}
