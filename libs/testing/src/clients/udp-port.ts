/** A UDP port for a client that must be told its port beforehand. */
import { createSocket } from 'node:dgram';

/** A port of 127.0.0.1 that nobody has bound now. */
export function freeUdpPort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = createSocket('udp4');
    socket.once('error', reject);
    socket.bind(0, '127.0.0.1', () => {
      const { port } = socket.address();
      socket.close(() => resolve(port));
    });
  });
}
