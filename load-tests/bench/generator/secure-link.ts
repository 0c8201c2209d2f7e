/** DTLS between a device of the generator and the server: a PSK of its own and Connection IDs. Takes and gives messages in the clear. */
import { createHash } from 'node:crypto';
import type { Socket } from 'node:dgram';
import { DtlsClient, randomPool } from '@cluster/dtls';
import { endpointOf } from './messages.ts';

/** The suite of LwM2M that constrained devices have. OMA Transport 1.1.1 §5.2.8.1 */
const PSK_CCM_8 = 0xc0a8;
const TIMER_MS = 100;
const PATIENCE_MS = 30_000;
const KEY_BYTES = 16;

const random = randomPool();

/** The key of a device, known to both sides of the benchmark. */
export function keyOf(endpoint: string): Buffer {
  return createHash('sha256').update(endpoint).digest().subarray(0, KEY_BYTES);
}

export interface Link {
  send(message: Uint8Array): void;
}

/** Shakes hands over a connected socket; `received` hears what the server says. */
export function secure(socket: Socket, index: number, received: (message: Uint8Array) => void): Promise<Link> {
  const endpoint = endpointOf(index);
  const psk = { identity: new TextEncoder().encode(endpoint), key: keyOf(endpoint) };
  const client = new DtlsClient({ random, psk, cipherSuites: [PSK_CCM_8], connectionId: new Uint8Array(0) });
  return new Promise((resolve, reject) => {
    const startMs = performance.now();
    const flush = (): void => {
      const { datagrams, events } = client.poll();
      for (const datagram of datagrams) socket.send(datagram);
      for (const event of events) {
        if (event.kind === 'data') received(event.bytes);
        else if (event.kind === 'connected') connected();
        else over(new Error(`DTLS of device ${index}: ${JSON.stringify(event)}`));
      }
    };
    const over = (error: Error): void => {
      clearInterval(timer);
      reject(error);
    };
    const connected = (): void => {
      clearInterval(timer);
      resolve({
        send(message) {
          client.send(message);
          flush();
        },
      });
    };
    const timer = setInterval(() => {
      if (performance.now() - startMs > PATIENCE_MS) return over(new Error(`DTLS of device ${index}: no answer`));
      client.timeout(performance.now());
      flush();
    }, TIMER_MS);
    socket.on('message', (datagram) => {
      client.handle(performance.now(), datagram);
      flush();
    });
    client.connect(performance.now());
    flush();
  });
}
