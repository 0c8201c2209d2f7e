/** A device's slot: the association that it has now, as far as that moves, and the session that it may resume. */
import { concatBytes } from '@cluster/bytes';
import { type AssociationMoving, decodeMoving, encodeMoving } from '@cluster/dtls';

export interface Slot {
  /** An empty `cid`: the device has no association now. */
  readonly moving: AssociationMoving;
  /** The Connection ID of the full handshake whose session may be resumed; empty: there is none. */
  readonly session: Uint8Array;
}

const FORMAT = 1;

export function encodeSlot({ moving, session }: Slot): Uint8Array {
  return concatBytes([Uint8Array.of(FORMAT, session.length), session, encodeMoving(moving)]);
}

/** Undefined for what isn't of this format: it counts as none. */
export function decodeSlot(bytes: Uint8Array): Slot | undefined {
  const [format, length = 0] = bytes;
  if (format !== FORMAT || bytes.length < 2 + length) return undefined;
  const moving = decodeMoving(bytes.subarray(2 + length));
  return moving && { moving, session: bytes.slice(2, 2 + length) };
}
