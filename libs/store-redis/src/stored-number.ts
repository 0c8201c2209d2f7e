/**
 * How a device number is stored as a value: in decimal, since Redis keeps an integer in 16 bytes less than any text.
 * An endpoint's and an address' key hold one each.
 */
import { Buffer } from 'node:buffer';
import type { DeviceNumber } from '@cluster/session';

const BYTES = 6;
const BASE64URL = /^[\w-]{8}$/;
/** Before what is no 48-bit number, so that it is told from one. */
const VERBATIM = '=';

export function toStored(number: DeviceNumber): string {
  if (!BASE64URL.test(number)) return VERBATIM + number;
  return String(Buffer.from(number, 'base64url').readUIntBE(0, BYTES));
}

export function fromStored(value: Buffer): DeviceNumber {
  const text = value.toString();
  if (text.startsWith(VERBATIM)) return text.slice(VERBATIM.length);
  const bytes = Buffer.allocUnsafe(BYTES);
  bytes.writeUIntBE(Number(text), 0, BYTES);
  return bytes.toString('base64url');
}
