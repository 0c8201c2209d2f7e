/**
 * How many ClientHellos are looked at, of one source and in all: they can be sent by anybody, from any address, and each
 * costs a cookie or begins a handshake. What is beyond the budget is dropped unread; its client repeats it.
 */
import { BoundedCache } from '@cluster/session';
import type { Datagram } from '@cluster/transport';
import { TokenBucket } from './token-bucket.ts';

const SOURCES = 20_000;
/** After which a source counts as new; its bucket has long been full again. */
const IDLE_MS = 60_000;
const CONTENT_TYPE_HANDSHAKE = 22;
const CLIENT_HELLO = 1;
/** Behind the record's header (RFC 6347 §4.1). */
const HANDSHAKE_TYPE_AT = 13;

export interface HelloLimits {
  /** A second, of one address (IPv6: its /64). */
  readonly perSource: number;
  /** A second, in all. */
  readonly inAll: number;
}

export class HelloBudget {
  readonly #limits: HelloLimits;
  readonly #nowMs: () => number;
  readonly #dropped: (why: 'source' | 'all') => void;
  readonly #all: TokenBucket;
  readonly #sources = new BoundedCache<string, TokenBucket>(SOURCES, IDLE_MS);

  constructor(limits: HelloLimits, nowMs: () => number, dropped: (why: 'source' | 'all') => void) {
    this.#limits = limits;
    this.#nowMs = nowMs;
    this.#dropped = dropped;
    this.#all = new TokenBucket(limits.inAll, nowMs);
  }

  /** The datagrams that may be handled: all but ClientHellos beyond the budget. */
  admitted(datagrams: readonly Datagram[]): readonly Datagram[] {
    return datagrams.some(isClientHello) ? datagrams.filter((each) => !isClientHello(each) || this.#mayGreet(each.peer)) : datagrams;
  }

  #mayGreet(peer: string): boolean {
    const source = sourceOf(peer);
    const nowMs = this.#nowMs();
    const bucket = this.#sources.get(source, nowMs) ?? new TokenBucket(this.#limits.perSource, this.#nowMs);
    this.#sources.set(source, bucket, nowMs);
    const refused = !bucket.take() ? 'source' : !this.#all.take() ? 'all' : undefined;
    if (refused !== undefined) this.#dropped(refused);
    return refused === undefined;
  }
}

function isClientHello({ bytes }: Datagram): boolean {
  return bytes[0] === CONTENT_TYPE_HANDSHAKE && bytes[HANDSHAKE_TYPE_AT] === CLIENT_HELLO && bytes[3] === 0 && bytes[4] === 0;
}

/** `udp:192.0.2.7:40123` and `udp:[2001:db8::1]:40123` without the port; of an IPv6 address the first four groups. */
function sourceOf(peer: string): string {
  const address = peer.slice(0, peer.lastIndexOf(':'));
  if (!address.includes('[')) return address;
  const [head = ''] = address.split('::');
  return head.split(':').slice(0, 5).join(':'); // the scheme is the first part
}
