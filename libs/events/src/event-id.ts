/** Ids of events: equal when the same thing is told twice, by whichever worker, at whichever repetition. */
import { Buffer } from 'node:buffer';
import { createXXHash128 } from 'hash-wasm';

/** What tells one event of a device from another. Parts that an event doesn't have are left out. */
export interface EventIdParts {
  /** The device number: 48 bits as 8 base64url characters. */
  readonly number: string;
  readonly registrationId: string;
  /** CloudEvents type. */
  readonly type: string;
  /** CoAP token of the observation or request. */
  readonly token?: Uint8Array;
  /** RFC 7641 Observe value. */
  readonly observe?: number;
  /** CoAP message id. */
  readonly messageId?: number;
  readonly payload?: Uint8Array;
  /** Counts events that have nothing else to tell them apart, e.g. the session version of an expiry. */
  readonly sequence?: number;
}

const hasher = await createXXHash128();
const scratch = Buffer.alloc(1_024);

/**
 * The id: the device number, then XXH128 of all parts as 32 hex digits. The hash is fast, not cryptographic: a device
 * could make two of its own events look equal, but, since its number stands in clear, never those of another.
 */
export function eventId(parts: EventIdParts): string {
  const length = scratch.write(describe(parts), 'latin1');
  const { payload } = parts;
  hasher.init();
  if (payload === undefined) hasher.update(scratch.subarray(0, length));
  else if (payload.length <= scratch.length - length) {
    scratch.set(payload, length); // one call instead of two: most payloads are small
    hasher.update(scratch.subarray(0, length + payload.length));
  } else hasher.update(scratch.subarray(0, length)).update(payload);
  return `${parts.number}.${hasher.digest()}`;
}

/** All parts but the payload. None contains the separator; a missing part differs from an empty or zero one. */
function describe({ number, registrationId, type, token, observe, messageId, payload, sequence }: EventIdParts): string {
  const tokenText = token === undefined ? '' : `t${hex(token)}`;
  return `${type}\0${number}\0${registrationId}\0${tokenText}\0${observe ?? ''}\0${messageId ?? ''}\0${sequence ?? ''}\0` +
    `${payload === undefined ? '' : 'p'}\0`;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}
