/**
 * A UDP load balancer with NAT on loopback: devices send to one port, workers see each device at an address of its own. It
 * steers flows, or each datagram, to the workers, and moves flows between them as a test wants. What a worker sends to a
 * device on its own account, outside the device's flow, reaches the device from another source, as behind a real NAT.
 */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';

export interface UdpBalancerOptions {
  /** UDP ports of the workers on 127.0.0.1. */
  readonly workers: readonly number[];
  /** 'flow': a device keeps its worker until it is moved. 'datagram': each datagram may go to any worker. */
  readonly steering?: 'flow' | 'datagram';
  /** In [0, 1); Math.random unless told. */
  readonly random?: () => number;
}

interface Flow {
  readonly device: RemoteInfo;
  /** The device's address as workers see it. */
  readonly back: Socket;
  worker: number;
}

const BUFFER_BYTES = 4 << 20;

/** A running balancer. */
export class UdpBalancer {
  readonly #front: Socket;
  /** Source of what workers send outside a flow. */
  readonly #other: Socket;
  readonly #flows = new Map<string, Promise<Flow>>();
  readonly #settled = new Set<Flow>();
  readonly #steering: 'flow' | 'datagram';
  readonly #random: () => number;
  #workers: readonly number[];
  #strays = 0;

  private constructor(front: Socket, other: Socket, { workers, steering = 'flow', random = Math.random }: UdpBalancerOptions) {
    this.#front = front;
    this.#other = other;
    this.#workers = workers;
    this.#steering = steering;
    this.#random = random;
    front.on('message', (datagram, device) => void this.#forward(datagram, device));
  }

  static async open(options: UdpBalancerOptions): Promise<UdpBalancer> {
    return new UdpBalancer(await bound(), await bound(), options);
  }

  /** Where devices send to. */
  get port(): number {
    return this.#front.address().port;
  }

  /** Datagrams that workers sent outside the device's flow. */
  get strays(): number {
    return this.#strays;
  }

  /** The workers that there are from now on. Flows of one that is gone move at their device's next datagram. */
  setWorkers(workers: readonly number[]): void {
    this.#workers = workers;
  }

  /** Moves this share of the flows, each to another worker picked at random. Returns how many were moved. */
  moveFlows(share = 1): number {
    const moving = [...this.#settled].filter(() => this.#random() < share);
    for (const flow of moving) flow.worker = this.#pick(flow.worker);
    return moving.length;
  }

  /**
   * Forgets this share of the flows, as a NAT whose binding timed out: with its next datagram the device looks like another
   * one, and any worker may get it. Returns how many were forgotten.
   */
  forgetFlows(share = 1): number {
    const forgotten = [...this.#settled].filter(() => this.#random() < share);
    for (const flow of forgotten) {
      this.#settled.delete(flow);
      this.#flows.delete(nameOf(flow.device));
      flow.back.close();
    }
    return forgotten.length;
  }

  close(): void {
    this.#front.close();
    this.#other.close();
    for (const { back } of this.#settled) back.close();
  }

  async #forward(datagram: Buffer, device: RemoteInfo): Promise<void> {
    const name = nameOf(device);
    const opened = this.#flows.get(name) ?? this.#open(device);
    this.#flows.set(name, opened);
    const flow = await opened;
    if (this.#steering === 'datagram' || !this.#workers.includes(flow.worker)) flow.worker = this.#pick();
    flow.back.send(datagram, flow.worker, '127.0.0.1');
  }

  async #open(device: RemoteInfo): Promise<Flow> {
    const flow = { device, back: await bound(), worker: this.#pick() };
    flow.back.on('message', (datagram, { port }) => {
      const inFlow = port === flow.worker || this.#steering === 'datagram';
      if (!inFlow) this.#strays += 1;
      (inFlow ? this.#front : this.#other).send(datagram, device.port, device.address);
    });
    this.#settled.add(flow);
    return flow;
  }

  #pick(except?: number): number {
    const others = this.#workers.filter((worker) => worker !== except);
    const candidates = others.length > 0 ? others : this.#workers;
    return candidates[Math.floor(this.#random() * candidates.length)] ?? 0;
  }
}

function nameOf({ address, port }: RemoteInfo): string {
  return `${address}:${port}`;
}

async function bound(): Promise<Socket> {
  const socket = createSocket({ type: 'udp4', recvBufferSize: BUFFER_BYTES, lookup: (address, _, done) => done(null, address, 4) });
  socket.on('error', () => {}); // a worker that is gone refuses datagrams
  const listening = once(socket, 'listening'); // it may listen at once
  socket.bind(0, '127.0.0.1');
  await listening;
  return socket;
}
