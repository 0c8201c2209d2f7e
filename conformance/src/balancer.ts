/**
 * A UDP load balancer between devices and edges, as a Kubernetes Service is one: each device keeps one address towards
 * the edges, and only the edge that it spoke to last can reach it.
 */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';

export class Balancer {
  readonly #front: Socket;
  /** One socket towards the edges for each device, with the edge that the device spoke to last. */
  readonly #backs = new Map<number, { socket: Socket; spokenTo: number }>();
  #target: number;

  private constructor(front: Socket, target: number) {
    this.#front = front;
    this.#target = target;
    front.on('message', (datagram, { port }) => void this.#forward(port, datagram));
  }

  /** Opens it on any free port, before the edge at `target`. */
  static async open(target: number): Promise<Balancer> {
    return new Balancer(await bound(), target);
  }

  /** Where devices send to. */
  get port(): number {
    return this.#front.address().port;
  }

  /** From now on devices reach the edge at this port. */
  route(target: number): void {
    this.#target = target;
  }

  close(): void {
    this.#front.close();
    for (const { socket } of this.#backs.values()) socket.close();
  }

  async #forward(device: number, datagram: Buffer): Promise<void> {
    const back = this.#backs.get(device) ?? (await this.#openBack(device));
    back.spokenTo = this.#target;
    back.socket.send(datagram, this.#target, '127.0.0.1');
  }

  async #openBack(device: number): Promise<{ socket: Socket; spokenTo: number }> {
    const back = { socket: await bound(), spokenTo: this.#target };
    back.socket.on('message', (datagram, { port }) => {
      if (port === back.spokenTo) this.#front.send(datagram, device, '127.0.0.1');
    });
    this.#backs.set(device, back);
    return back;
  }
}

async function bound(): Promise<Socket> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  socket.on('error', () => {}); // an edge that is gone refuses datagrams
  await once(socket, 'listening');
  return socket;
}
