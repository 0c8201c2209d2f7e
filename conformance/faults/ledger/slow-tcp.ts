/** A TCP proxy on loopback that holds back what passes it, in order, for as long as a test wants. */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

export class SlowTcp {
  /** Each way. */
  delayMs = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #target: number;

  /** `target`: port on 127.0.0.1; may be set later. */
  static async open(target = 0): Promise<SlowTcp> {
    const proxy = new SlowTcp(target);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  private constructor(target: number) {
    this.#target = target;
    this.#server = createServer((client) => {
      const server = connect(this.#target, '127.0.0.1').setNoDelay(true);
      this.#pass(client.setNoDelay(true), server);
      this.#pass(server, client);
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  set target(port: number) {
    this.#target = port;
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #pass(from: Socket, to: Socket): void {
    this.#sockets.add(from);
    let freeAtMs = 0; // nothing overtakes
    from.on('data', (bytes) => {
      freeAtMs = Math.max(freeAtMs, performance.now() + this.delayMs);
      setTimeout(() => to.write(bytes), freeAtMs - performance.now());
    });
    from.on('error', () => to.destroy());
    from.on('close', () => {
      this.#sockets.delete(from);
      to.destroy();
    });
  }
}
