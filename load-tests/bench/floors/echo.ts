/** The floor of a datagram: a Node socket that sends back what comes, and nothing else. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { serve } from '../child.ts';

const RECEIVE_BUFFER_BYTES = 4_194_304;

const socket = createSocket({
  type: 'udp4',
  recvBufferSize: RECEIVE_BUFFER_BYTES,
  // A numeric address needs no resolver: the default one costs microseconds a datagram.
  lookup: ((host: string, _: unknown, done: (error: null, address: string, family: number) => void) => done(null, host, 4)) as never,
});
socket.on('message', (bytes, from) => socket.send(bytes, from.port, from.address));

const methods = {
  async listen(_: null): Promise<number> {
    // With a lookup that answers at once, binding is done before bind() returns.
    const listening = once(socket, 'listening');
    socket.bind(0, '127.0.0.1');
    await listening;
    return socket.address().port;
  },
  cpuUs(_: null): number {
    const { user, system } = process.cpuUsage();
    return user + system;
  },
};
export type Echo = typeof methods;

serve(methods);
