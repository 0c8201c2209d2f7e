/** Opens one `dgram` socket the way the hot path needs it: numeric addresses only, a large receive buffer. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { isIP } from 'node:net';

/** A port could not be taken. `cause` holds the system's error. */
export class UdpBindError extends Error {
  readonly code = 'UDP_BIND_FAILED';
}

/** Answers at once: peers are numeric, and a name must never start a resolver. */
function numericLookup(host: string, _: unknown, done: (error: Error | null, address: string, family: number) => void): void {
  done(null, host, isIP(host));
}

export interface SocketSettings {
  readonly receiveBufferBytes: number;
  /** Whether other sockets, of this process or another, may have the port too (SO_REUSEPORT). */
  readonly reusePort: boolean;
}

/** Binds one address. Rejects with the system's error. */
export async function bindSocket(address: string, port: number, { receiveBufferBytes, reusePort }: SocketSettings): Promise<Socket> {
  const socket = createSocket({
    ...(isIP(address) === 6 ? { type: 'udp6', ipv6Only: true } : { type: 'udp4' }),
    recvBufferSize: receiveBufferBytes,
    reusePort,
    lookup: numericLookup as never,
  });
  // With a lookup that answers at once, binding is done before bind() returns.
  const listening = once(socket, 'listening');
  socket.bind(port, address);
  try {
    await listening;
  } catch (error) {
    socket.close();
    throw error;
  }
  return socket;
}

/** Whether binding failed because the host has no such address family: the other one then serves alone. */
export function isFamilyMissing(address: string, error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'EAFNOSUPPORT') return true;
  return code === 'EADDRNOTAVAIL' && (address === '::' || address === '::1');
}
