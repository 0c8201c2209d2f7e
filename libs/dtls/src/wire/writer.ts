/** Writes the integers and vectors of TLS (RFC 5246 §4). */
import { concatBytes } from '@cluster/bytes';

export function uint8(value: number): Uint8Array {
  return Uint8Array.of(value);
}

export function uint16(value: number): Uint8Array {
  return Uint8Array.of(value >> 8, value);
}

export function uint32(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, value >> 16, value >> 8, value);
}

export function uint48(value: number): Uint8Array {
  const bytes = new Uint8Array(6);
  putUint48(bytes, 0, value);
  return bytes;
}

/** Puts 48 bits, which is more than bit operations hold. */
export function putUint48(bytes: Uint8Array, at: number, value: number): void {
  putUint(bytes, at, Math.floor(value / 0x1_0000), 4);
  putUint(bytes, at + 4, value, 2);
}

/** Puts the low bytes of a number, most significant first. */
export function putUint(bytes: Uint8Array, at: number, value: number, size: number): void {
  for (let index = 0; index < size; index++) bytes[at + index] = value >>> (8 * (size - 1 - index));
}

/** A vector with a length of one byte. */
export function vector8(bytes: Uint8Array): Uint8Array {
  return vector(bytes, 1);
}

/** A vector with a length of two bytes. */
export function vector16(bytes: Uint8Array): Uint8Array {
  return vector(bytes, 2);
}

/** A vector with a length of three bytes. */
export function vector24(bytes: Uint8Array): Uint8Array {
  return vector(bytes, 3);
}

/** 16-bit integers, one after the other. */
export function uint16List(values: readonly number[]): Uint8Array {
  return concatBytes(values.map(uint16));
}

function vector(bytes: Uint8Array, lengthSize: number): Uint8Array {
  const whole = new Uint8Array(lengthSize + bytes.length);
  putUint(whole, 0, bytes.length, lengthSize);
  whole.set(bytes, lengthSize);
  return whole;
}
