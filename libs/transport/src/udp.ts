/** UDP in batches: the datagrams of one tick are handed over at once. Knows no protocol. */
import type { RemoteInfo, Socket } from 'node:dgram';
import { isIP } from 'node:net';
import { Metrics } from '@cluster/telemetry';
import { monotonicNowMs } from './clock.ts';
import { type UdpCounters, udpCounters } from './counters.ts';
import { Ticks } from './ticks.ts';
import { formatPeer, parsePeer } from './peer.ts';
import { bindSocket, isFamilyMissing, UdpBindError } from './udp-socket.ts';

/** A datagram of a peer, in or out: the shape that the engines use. */
export interface Datagram {
  readonly peer: string;
  readonly bytes: Uint8Array;
}

export interface UdpOptions {
  /** Addresses to listen on, one of each family at most. A family that the host lacks is left out if another serves. */
  readonly bind: readonly string[];
  /** The same port for all of them; 0: any free one. */
  readonly port: number;
  /** Takes what one tick brought, 1,024 datagrams at most; `nowMs` of {@link monotonicNowMs}. */
  readonly onBatch: (datagrams: Datagram[], nowMs: number) => void;
  /** How long datagrams are gathered that follow a batch; 0: for one turn of the event loop. Default 0. */
  readonly tickMs?: number;
  /** Whether other workers of this host may have the port too: the kernel gives each peer to one of them. Default false. */
  readonly reusePort?: boolean;
  /** Asked of the kernel, which may grant less. Default 4 MB. */
  readonly receiveBufferBytes?: number;
  /** Larger datagrams are dropped. Default 8,192. */
  readonly maxDatagramBytes?: number;
  /** Bytes that may wait for the kernel, a socket; beyond them datagrams are dropped. Default 4 MB. */
  readonly maxSendQueueBytes?: number;
  /** Where the counters are registered. */
  readonly metrics?: Metrics;
}

export interface UdpTransport {
  readonly port: number;
  /** The addresses that are listened on. */
  readonly addresses: readonly string[];
  readonly counters: UdpCounters;
  /** Sends each datagram from the socket of its peer's family. Never throws: what can't be sent is counted. */
  send(datagrams: readonly Datagram[]): void;
  /** Closes the sockets. What was received and not yet handed over is dropped. */
  close(): Promise<void>;
}

const DEFAULTS = { tickMs: 0, reusePort: false, receiveBufferBytes: 4_194_304, maxDatagramBytes: 8_192, maxSendQueueBytes: 4_194_304 };
const LARGEST_BATCH = 1_024;
const EPHEMERAL_TRIES = 8;
/** Largest payload of UDP over IPv4. */
const LARGEST_PAYLOAD = 65_507;

/** Opens the sockets. Rejects with {@link UdpBindError}. */
export async function openUdp(options: UdpOptions): Promise<UdpTransport> {
  const settings = { ...DEFAULTS, ...options };
  const sockets = await bindAll(settings);
  return new BoundUdp(sockets, settings);
}

type Settings = UdpOptions & typeof DEFAULTS;

/** With port 0, the port that the first family got may be taken in the second one: then both try anew. */
async function bindAll(settings: Settings): Promise<Socket[]> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await bindOnce(settings);
    } catch (cause) {
      const taken = (cause as NodeJS.ErrnoException).code === 'EADDRINUSE';
      if (settings.port === 0 && taken && attempt < EPHEMERAL_TRIES) continue;
      throw new UdpBindError(`cannot listen on UDP ${settings.bind.join(', ')} port ${settings.port}`, { cause });
    }
  }
}

async function bindOnce({ bind, port, ...settings }: Settings): Promise<Socket[]> {
  const sockets: Socket[] = [];
  let missing: unknown = new Error('no address to listen on');
  try {
    for (const address of bind) {
      try {
        sockets.push(await bindSocket(address, sockets[0]?.address().port ?? port, settings));
      } catch (error) {
        if (!isFamilyMissing(address, error)) throw error;
        missing = error;
      }
    }
    if (sockets.length === 0) throw missing;
    return sockets;
  } catch (error) {
    for (const socket of sockets) socket.close();
    throw error;
  }
}

class BoundUdp implements UdpTransport {
  readonly port: number;
  readonly addresses: readonly string[];
  readonly counters: UdpCounters;
  readonly #settings: Settings;
  readonly #sockets = new Map<4 | 6, Socket>();
  readonly #ticks: Ticks;
  #batch: Datagram[] = [];
  #closed = false;

  constructor(sockets: readonly Socket[], settings: Settings) {
    this.#settings = settings;
    this.#ticks = new Ticks(settings.tickMs, () => this.#deliver());
    this.counters = udpCounters(settings.metrics ?? new Metrics());
    this.addresses = sockets.map((socket) => socket.address().address);
    this.port = sockets[0]!.address().port;
    for (const socket of sockets) this.#listen(socket);
  }

  #listen(socket: Socket): void {
    const family = isIP(socket.address().address) === 6 ? 6 : 4;
    this.#sockets.set(family, socket);
    socket.on('message', (bytes, from) => this.#received(family, bytes, from));
    socket.on('error', () => this.counters.errors.inc());
  }

  #received(family: 4 | 6, bytes: Uint8Array, from: RemoteInfo): void {
    const { counters } = this;
    counters.received.inc();
    counters.receivedBytes.add(bytes.length);
    if (bytes.length === 0) return counters.empty.inc();
    if (bytes.length > this.#settings.maxDatagramBytes) return counters.oversize.inc();
    // Port 0 can be forged and never answered.
    if (from.port === 0) return counters.unroutable.inc();
    if (this.#batch.length === 0) this.#ticks.ask();
    this.#batch.push({ peer: formatPeer(family, from.address, from.port), bytes });
    if (this.#batch.length >= LARGEST_BATCH) this.#deliver();
  }

  #deliver(): void {
    const batch = this.#batch;
    if (batch.length === 0 || this.#closed) return;
    this.#batch = [];
    this.#settings.onBatch(batch, monotonicNowMs());
  }

  send(datagrams: readonly Datagram[]): void {
    if (this.#closed) return;
    for (const datagram of datagrams) this.#send(datagram);
  }

  #send({ peer, bytes }: Datagram): void {
    const { counters } = this;
    const to = parsePeer(peer);
    const socket = to && this.#sockets.get(to.family);
    if (to === undefined || socket === undefined) return counters.unroutable.inc();
    if (bytes.length > LARGEST_PAYLOAD) return counters.oversize.inc();
    if (socket.getSendQueueSize() > this.#settings.maxSendQueueBytes) return counters.overflow.inc();
    socket.send(bytes, to.port, to.address);
    counters.sent.inc();
    counters.sentBytes.add(bytes.length);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await Promise.all([...this.#sockets.values()].map((socket) => new Promise<void>((closed) => socket.close(() => closed()))));
  }
}
