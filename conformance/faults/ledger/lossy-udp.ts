/** What lies between devices and the edge on a bad day: datagrams are lost, doubled and overtake each other, both ways. */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';

export interface Weather {
  /** Shares, in [0, 1). */
  readonly lost: number;
  readonly doubled: number;
  readonly late: number;
}

const FAIR: Weather = { lost: 0, doubled: 0, late: 0 };
const LATE_MS = 700;

export class LossyUdp {
  weather: Weather = FAIR;
  readonly #front: Socket;
  readonly #target: number;
  readonly #flows = new Map<number, Promise<Socket>>();

  static async open(target: number): Promise<LossyUdp> {
    return new LossyUdp(await bound(), target);
  }

  private constructor(front: Socket, target: number) {
    this.#front = front;
    this.#target = target;
    front.on('message', (datagram, device) => void this.#up(datagram, device));
  }

  get port(): number {
    return this.#front.address().port;
  }

  async close(): Promise<void> {
    this.#front.close();
    for (const flow of this.#flows.values()) (await flow).close();
  }

  async #up(datagram: Buffer, device: RemoteInfo): Promise<void> {
    const flow = this.#flows.get(device.port) ?? this.#flow(device);
    this.#flows.set(device.port, flow);
    const socket = await flow;
    this.#pass(() => socket.send(datagram, this.#target, '127.0.0.1'));
  }

  async #flow(device: RemoteInfo): Promise<Socket> {
    const socket = await bound();
    socket.on('message', (datagram) => this.#pass(() => this.#front.send(datagram, device.port, device.address)));
    return socket;
  }

  #pass(send: () => void): void {
    const { lost, doubled, late } = this.weather;
    if (Math.random() < lost) return;
    for (let copies = Math.random() < doubled ? 2 : 1; copies > 0; copies--) {
      if (Math.random() < late) setTimeout(() => safely(send), Math.random() * LATE_MS);
      else send();
    }
  }
}

/** The socket may be closed by then. */
function safely(send: () => void): void {
  try {
    send();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_SOCKET_DGRAM_NOT_RUNNING') throw error;
  }
}

async function bound(): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.on('error', () => {}); // ICMP of a process that is away
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return socket;
}
