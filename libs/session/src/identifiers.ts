/**
 * Device numbers, location ids and tokens: the identifiers by which any worker finds a device from any message.
 * A device number is 48 random bits, written as 8 base64url characters.
 */
import { Buffer } from 'node:buffer';
import type { DeviceNumber } from './ports.ts';

/** Draws bits; comes in from outside, so that tests can fix it. */
export interface Rng {
  /** 32 uniformly distributed bits. */
  uint32(): number;
}

const NUMBER_CHARACTERS = 8;
const LOCATION_ID = /^[A-Za-z0-9_-]{16}$/;

function random48(rng: Rng): string {
  const bytes = Buffer.allocUnsafe(6);
  bytes.writeUInt32BE(rng.uint32(), 0);
  bytes.writeUInt16BE(rng.uint32() & 0xffff, 4);
  return bytes.toString('base64url');
}

/** A fresh device number. */
export function newDeviceNumber(rng: Rng): DeviceNumber {
  return random48(rng);
}

/** A location id: the device number and 48 fresh bits, 16 characters, so that an old one never revives. */
export function newLocationId(number: DeviceNumber, rng: Rng): string {
  return number + random48(rng);
}

/** The device number in a location id from the network; undefined if it can't be one of ours. */
export function numberOfLocation(id: string): DeviceNumber | undefined {
  return LOCATION_ID.test(id) ? id.slice(0, NUMBER_CHARACTERS) : undefined;
}

/** The 8-byte token of a device's request or observation: its number, then the 16-bit counter. */
export function tokenOf(number: DeviceNumber, counter: number): Uint8Array {
  const token = Buffer.allocUnsafe(8);
  token.write(number, 'base64url');
  token.writeUInt16BE(counter, 6);
  return token;
}

/** Takes a token of ours apart; undefined if its length is not that of ours. */
export function parseToken(token: Uint8Array): { number: DeviceNumber; counter: number } | undefined {
  if (token.length !== 8) return undefined;
  const bytes = Buffer.from(token.buffer, token.byteOffset, 8);
  return { number: bytes.toString('base64url', 0, 6), counter: bytes.readUInt16BE(6) };
}
