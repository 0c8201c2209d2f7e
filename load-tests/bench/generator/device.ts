/** One device of the generator: its socket, its registration and the one message it may have outstanding. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { addressOf } from './messages.ts';
import { type Link, secure } from './secure-link.ts';

/** What a device sends in a run. `echo` is for the floor: any datagram comes back as it went. */
export type MessageKind = 'register' | 'update' | 'notification' | 'send' | 'echo';

/** A message that waits for its answer. */
export interface Outstanding {
  readonly kind: MessageKind;
  readonly messageId: number;
  readonly token: number;
  readonly bytes: Uint8Array;
  /** The server took it and answers apart; it is not repeated any more. RFC 7252 §5.2.2 */
  acknowledged: boolean;
  transmissions: number;
  readonly firstMs: number;
  dueMs: number;
}

export interface Device {
  readonly index: number;
  socket: Socket | undefined;
  /** Where its messages go: the socket, or DTLS over it. */
  link: Link | undefined;
  /** Stays the same when the socket is opened anew. */
  port: number;
  messageId: number;
  token: number;
  locationId: string;
  observation: { readonly token: Uint8Array; readonly format: number; value: number } | undefined;
  outstanding: Outstanding | undefined;
  /** Tokens of the Writes that it carried out: one that is repeated has the token of the first. */
  readonly writes: Set<string>;
}

export function newDevice(index: number): Device {
  const messageId = (index * 7_919) & 0xffff;
  return { index, socket: undefined, link: undefined, port: 0, messageId, token: 0, locationId: '', observation: undefined, outstanding: undefined, writes: new Set() };
}

/** Where a device's socket leads, and whether it shakes hands there. */
export interface Server {
  readonly port: number;
  readonly secured?: boolean;
}

/** Opens the device's socket, for one server alone. */
export async function openSocket(
  device: Device, server: Server, received: (device: Device, bytes: Uint8Array) => void, failed: (error: Error) => void,
): Promise<void> {
  const socket = createSocket('udp4');
  socket.bind(device.port, addressOf(device.index));
  await once(socket, 'listening');
  device.port = socket.address().port;
  socket.connect(server.port, '127.0.0.1');
  await once(socket, 'connect');
  socket.on('error', failed);
  device.socket = socket;
  if (server.secured === true) {
    device.link = await secure(socket, device.index, (bytes) => received(device, bytes));
    return;
  }
  socket.on('message', (bytes) => received(device, bytes));
  device.link = socket;
}

export async function closeSocket(device: Device): Promise<void> {
  const { socket } = device;
  if (socket === undefined) return;
  device.socket = undefined;
  device.link = undefined;
  socket.close();
  await once(socket, 'close');
}

/** The token of a device's own request: four bytes. */
export function tokenBytes(token: number): Uint8Array {
  return Uint8Array.of(token >>> 24, token >>> 16, token >>> 8, token);
}
