/** Devices that fetch packages by Block2, and devices that packages are pushed to by Block1: each an engine on a socket of its own. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { Code, CoapEngine, OptionNumber, type CoapEvent } from '@cluster/coap';
import { serve } from '../child.ts';
import { addressOf, endpointOf } from './messages.ts';
import { type Link, secure } from './secure-link.ts';

const SCAN_MS = 200;
const SERVER = 'server';
const LINKS = '</1/0>,</3/0>,</5/0>';
const text = (number: number, value: string) => ({ number, value: Buffer.from(value, 'utf8') });

let seed = 1;
const rng = { uint32: () => (seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0) };

interface Server {
  readonly port: number;
  /** Whether devices shake hands there; their keys are those of their endpoints. */
  readonly secured?: boolean;
}

class Peer {
  readonly engine = new CoapEngine({ rng });
  readonly #socket: Socket;
  readonly #heard: (event: CoapEvent, peer: Peer) => void;
  #link: Link;
  #messageId = rng.uint32() & 0xffff;

  private constructor(socket: Socket, heard: (event: CoapEvent, peer: Peer) => void) {
    this.#socket = socket;
    this.#link = socket;
    this.#heard = heard;
  }

  static async open(index: number, { port, secured = false }: Server, heard: (event: CoapEvent, peer: Peer) => void): Promise<Peer> {
    const socket = createSocket('udp4');
    socket.bind(0, addressOf(index));
    await once(socket, 'listening');
    socket.connect(port, '127.0.0.1');
    await once(socket, 'connect');
    const peer = new Peer(socket, heard);
    if (secured) peer.#link = await secure(socket, index, (bytes) => peer.#received(bytes));
    else socket.on('message', (bytes) => peer.#received(bytes));
    return peer;
  }

  #received(bytes: Uint8Array): void {
    this.engine.handle(performance.now(), { peer: SERVER, bytes });
    this.flush();
  }

  request(code: number, options: { number: number; value: Uint8Array }[], payload?: Uint8Array): void {
    const nextMessageId = (): number => (this.#messageId = (this.#messageId + 1) & 0xffff);
    const body = payload === undefined ? {} : { payload };
    this.engine.request(performance.now(), { peer: SERVER, token: Uint8Array.of(1), messageId: nextMessageId(), nextMessageId, code, options, maxBodyBytes: 64 * 1_048_576, ...body });
    this.flush();
  }

  flush(): void {
    for (;;) {
      const { datagrams, events } = this.engine.poll();
      for (const { bytes } of datagrams) this.#link.send(bytes);
      for (const event of events) this.#heard(event, this);
      if (datagrams.length + events.length === 0) return;
    }
  }

  close(): void {
    this.#socket.close();
  }
}

let peers: Peer[] = [];
let done = 0;
let failed: string | undefined;
setInterval(() => {
  for (const peer of peers) {
    peer.engine.timeout(performance.now());
    peer.flush();
  }
}, SCAN_MS);

const methods = {
  /** Devices `from` on fetch the package, each by its link; {@link progress} tells how many have it. */
  async pull({ links, size, from, ...server }: Server & { links: readonly string[]; size: number; from: number }): Promise<void> {
    peers = await Promise.all(links.map((_, index) => Peer.open(from + index, server, (event) => {
      if (event.kind === 'response' && event.message.payload.length === size) done++;
      else failed ??= event.kind === 'response' ? `code ${event.message.code}` : JSON.stringify(event);
    })));
    peers.forEach((peer, i) => peer.request(Code.GET, [text(OptionNumber.URI_PATH, 'fw'), text(OptionNumber.URI_PATH, links[i] ?? '')]));
  },

  /** Each registers and takes whatever is written to it. Resolves when all are registered. */
  async register({ port, devices }: { port: number; devices: number }): Promise<void> {
    const all = Promise.withResolvers<void>();
    let registered = 0;
    peers = await Promise.all(Array.from({ length: devices }, (_, index) => Peer.open(index, { port }, (event, peer) => {
      if (event.kind === 'response' && event.message.code === Code.CREATED && ++registered === devices) all.resolve();
      if (event.kind !== 'request') return;
      peer.engine.respond(performance.now(), event.exchange, event.message.code === Code.PUT ? { code: Code.CHANGED } : { code: Code.CONTENT, payload: Buffer.from('20') });
    })));
    peers.forEach((peer, index) => {
      const query = ['b=U', `ep=${endpointOf(index)}`, 'lt=3600', 'lwm2m=1.1'].map((value) => text(OptionNumber.URI_QUERY, value));
      peer.request(Code.POST, [text(OptionNumber.URI_PATH, 'rd'), { number: OptionNumber.CONTENT_FORMAT, value: Uint8Array.of(40) }, ...query], Buffer.from(LINKS));
    });
    return all.promise;
  },

  progress(_: null): number {
    if (failed !== undefined) throw new Error(failed);
    return done;
  },

  close(_: null): void {
    for (const peer of peers) peer.close();
    peers = [];
    done = 0;
  },
};
export type Transfers = typeof methods;

serve(methods);
