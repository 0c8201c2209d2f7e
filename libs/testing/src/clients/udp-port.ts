/** A UDP port for a client that must be told its port beforehand. */
import { createSocket } from 'node:dgram';

/** A port that nobody has bound now, on whichever IPv4 address: some clients bind all of them. */
export function freeUdpPort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = createSocket('udp4');
    socket.once('error', reject);
    socket.bind(0, () => {
      const { port } = socket.address();
      socket.close(() => resolve(port));
    });
  });
}
