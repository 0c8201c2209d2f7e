/**
 * Serves firmware packages to devices that pull them by Block2 (RFC 7959), under links that open one package for one
 * device. Nothing larger than a request leaves before the address is known to be the device's: by its association, by a
 * live registration from the same host, or by Echo (RFC 9175 §2.4). A block that is at hand is answered at once.
 */
import { blockOption, blockSize, Code, type CoapMessage, type CoapOption, type CoapResponse, OptionNumber, optionValue, uintValue, uriPath } from '@cluster/coap';
import { equalBytes } from '@cluster/bytes';
import { isSecure, unavailable } from '@cluster/coap-kit';
import { openLink } from '@cluster/firmware';
import type { CachedReader } from '@cluster/package-storage';
import type { KeyRing } from '@cluster/secrets';
import type { DeviceNumber, Rng } from '@cluster/session';
import { LRUCache } from 'lru-cache';
import { EchoValues } from './echo-values.ts';

export interface FileRequest {
  readonly peer: string;
  readonly exchange: number;
  readonly message: CoapMessage;
}

export interface FileServerDeps {
  readonly reader: CachedReader;
  readonly ring: KeyRing;
  readonly rng: Rng;
  /** Seconds since 1970. */
  readonly nowS: () => number;
  /** Whether the address is that of the device's live registration, or of its association. */
  readonly isAtHome: (device: DeviceNumber, peer: string) => Promise<boolean> | boolean;
  readonly respond: (exchange: number, response: CoapResponse) => void;
  readonly counters: { served(): void; refused(why: 'link' | 'address' | 'storage'): void };
}

/** A link that was opened, and who may use it here. */
interface Opened {
  readonly package: string;
  readonly device: DeviceNumber;
  readonly expiresAtS: number;
  readonly etag: CoapOption;
  readonly size: number;
  /** Addresses that proved to be the device's. */
  readonly peers: string[];
}

/** First segment of the paths of packages. */
export const FILES = 'fw';

const MAX_SZX = 6;
const OCTET_STREAM: CoapOption = { number: OptionNumber.CONTENT_FORMAT, value: uintValue(42) };
const LINKS_KEPT = 20_000;
/** A device may fetch from another socket than it registers from, and change that; not from everywhere. */
const PEERS_OF_A_LINK = 4;

export class FileServer {
  readonly #deps: FileServerDeps;
  readonly #echo: EchoValues;
  readonly #opened = new LRUCache<string, Opened>({ max: LINKS_KEPT });

  constructor(deps: FileServerDeps) {
    this.#deps = deps;
    this.#echo = new EchoValues(deps.ring, deps.nowS);
  }

  /** Answers a request for /fw/{link}. */
  handle(request: FileRequest): void {
    const { message: { code }, message, peer } = request;
    const [, text = '', ...more] = uriPath(message);
    if (code !== Code.GET) return this.#refuse(request, Code.METHOD_NOT_ALLOWED, 'link');
    const known = more.length > 0 ? undefined : this.#opened.get(text);
    if (known !== undefined && known.expiresAtS > this.#deps.nowS() && known.peers.includes(peer)) return this.#serve(request, known);
    void this.#meet(request, more.length > 0 ? '' : text).catch(() => this.#putOff(request));
  }

  /** A link, or an address, that is seen for the first time. */
  async #meet(request: FileRequest, text: string): Promise<void> {
    const opened = await this.#open(text);
    if (opened === undefined) return this.#refuse(request, Code.NOT_FOUND, 'link');
    if (!(await this.#proved(request, opened.device))) return this.#challenge(request);
    if (opened.peers.length >= PEERS_OF_A_LINK) opened.peers.shift();
    opened.peers.push(request.peer);
    this.#serve(request, opened);
  }

  async #open(text: string): Promise<Opened | undefined> {
    const link = openLink(this.#deps.ring, text, this.#deps.nowS());
    const size = link && (await this.#deps.reader.size(link.package));
    if (link === undefined || size === undefined) return undefined;
    const known = this.#opened.get(text);
    if (known !== undefined) return known;
    // The bytes of a package never change under its id.
    const etag = { number: OptionNumber.ETAG, value: new Uint8Array(Buffer.from(link.package, 'base64url').subarray(0, 8)) };
    const opened = { ...link, size, etag, peers: [] };
    this.#opened.set(text, opened);
    return opened;
  }

  async #proved({ peer, message }: FileRequest, device: DeviceNumber): Promise<boolean> {
    const echo = isSecure(peer) ? undefined : optionValue(message, OptionNumber.ECHO);
    return (echo !== undefined && this.#echo.isOf(peer, echo)) || this.#deps.isAtHome(device, peer);
  }

  /** RFC 9175 §2.3: 4.01 with a value that only who receives at the address can send back. Who has a key is known already. */
  #challenge({ exchange, peer }: FileRequest): void {
    this.#deps.counters.refused('address');
    if (isSecure(peer)) return this.#deps.respond(exchange, { code: Code.FORBIDDEN });
    this.#deps.respond(exchange, { code: Code.UNAUTHORIZED, options: [{ number: OptionNumber.ECHO, value: this.#echo.make(peer) }] });
  }

  #serve(request: FileRequest, opened: Opened): void {
    const { reader } = this.#deps;
    const asked = blockOption(request.message, OptionNumber.BLOCK2);
    const szx = Math.min(asked?.szx ?? MAX_SZX, MAX_SZX);
    const num = asked?.num ?? 0;
    const [start, length] = [num * blockSize(szx), blockSize(szx)];
    if (num > 0 && start >= opened.size) return this.#refuse(request, Code.BAD_REQUEST, 'link');
    const etag = optionValue(request.message, OptionNumber.ETAG);
    if (num === 0 && etag !== undefined && equalBytes(etag, opened.etag.value)) {
      return this.#deps.respond(request.exchange, { code: Code.VALID, options: [opened.etag] });
    }
    const held = reader.held(opened.package, start, length);
    if (held !== undefined) return this.#send(request, opened, { num, szx }, held);
    void this.#fetch(request, opened, { num, szx }, start);
  }

  async #fetch(request: FileRequest, opened: Opened, block: { num: number; szx: number }, start: number): Promise<void> {
    const bytes = await this.#deps.reader.block(opened.package, start, blockSize(block.szx)).catch(() => null);
    if (bytes === null) this.#putOff(request);
    // Removed while it was fetched.
    else if (bytes === undefined) this.#refuse(request, Code.NOT_FOUND, 'link');
    else this.#send(request, opened, block, bytes);
  }

  #send({ exchange }: FileRequest, { etag, size }: Opened, { num, szx }: { num: number; szx: number }, payload: Uint8Array): void {
    this.#deps.counters.served();
    const more = num * blockSize(szx) + payload.length < size;
    this.#deps.respond(exchange, { code: Code.CONTENT, options: [etag, OCTET_STREAM], payload, block2: { num, szx, more, size } });
  }

  #refuse({ exchange }: FileRequest, code: number, why: 'link'): void {
    this.#deps.counters.refused(why);
    this.#deps.respond(exchange, { code });
  }

  /** The storage is away: 5.03 with Max-Age, after which the same block may be there. RFC 7252 §5.9.3.4 */
  #putOff({ exchange }: FileRequest): void {
    this.#deps.counters.refused('storage');
    this.#deps.respond(exchange, unavailable(() => this.#deps.rng.uint32()));
  }
}
