/** A UDP socket around a server engine whose questions a test store answers: only for tests against other stacks. */
import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';
import { once } from 'node:events';
import type { DtlsServer, DtlsServerEvent } from '../src/index.ts';
import { TestWorker } from './store.ts';
import type { TestStore } from './store.ts';

export class UdpDriver {
  readonly worker: TestWorker;
  readonly #socket: Socket;
  readonly #onEvent: (event: DtlsServerEvent) => void;
  #timer: NodeJS.Timeout | undefined;
  #seen = 0;

  private constructor(socket: Socket, worker: TestWorker, onEvent: (event: DtlsServerEvent) => void) {
    this.#socket = socket;
    this.worker = worker;
    this.#onEvent = onEvent;
    socket.on('message', (bytes, { address, port }) => {
      worker.server.handle(Date.now(), { peer: `${address}:${port}`, bytes });
      this.flush();
    });
  }

  /** Listens on a free port of the loopback interface. */
  static async listen(server: DtlsServer, store: TestStore, onEvent: (event: DtlsServerEvent) => void): Promise<UdpDriver> {
    const socket = createSocket('udp4').bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return new UdpDriver(socket, new TestWorker(server, store), onEvent);
  }

  get port(): number {
    return this.#socket.address().port;
  }

  /** Sends what the engine has, and tells what happened. */
  flush(): void {
    for (const { peer, bytes } of this.worker.settle(Date.now())) {
      const [host, port] = peer.split(':');
      this.#socket.send(bytes, Number(port), host);
    }
    const { wakeAtMs } = this.worker.server.poll();
    clearTimeout(this.#timer);
    if (wakeAtMs !== undefined) {
      const wake = (): void => {
        this.worker.server.timeout(Date.now());
        this.flush();
      };
      this.#timer = setTimeout(wake, Math.max(0, wakeAtMs - Date.now()));
    }
    for (const event of this.worker.happened.slice(this.#seen)) {
      this.#seen++;
      this.#onEvent(event);
    }
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#socket.close();
    await once(this.#socket, 'close');
  }
}
