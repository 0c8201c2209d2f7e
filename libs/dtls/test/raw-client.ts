/** A client by hand: sends any hello and any message, to see what the server makes of it. */
import { EMPTY_BYTES } from '@cluster/bytes';
import { decodeAlert } from '../src/alerts.ts';
import { decodeHelloVerifyRequest, encodeClientHello } from '../src/messages/client-hello.ts';
import type { ClientHello } from '../src/messages/client-hello.ts';
import { ECDSA_SHA256, ExtensionType, encodeUint16Vector } from '../src/messages/extensions.ts';
import { HandshakeType, decodeFragments, encodeMessage } from '../src/messages/handshake.ts';
import type { HandshakeFragment } from '../src/messages/handshake.ts';
import { decodeServerHello } from '../src/messages/server-hello.ts';
import type { ServerHello } from '../src/messages/server-hello.ts';
import { ContentType, plaintextRecord, splitDatagram } from '../src/record/record.ts';
import type { TestWorker } from './store.ts';

/** What a ClientHello needs for ECDHE. */
export const ECDHE_EXTENSIONS: readonly (readonly [number, Uint8Array])[] = [
  [ExtensionType.SUPPORTED_GROUPS, encodeUint16Vector([23])],
  [ExtensionType.SIGNATURE_ALGORITHMS, encodeUint16Vector([ECDSA_SHA256])],
];

export function hello(fields: Partial<ClientHello> = {}): ClientHello {
  return {
    version: 0xfefd,
    random: new Uint8Array(32).fill(0x42),
    sessionId: EMPTY_BYTES,
    cookie: EMPTY_BYTES,
    cipherSuites: [0xc0a8],
    compressionMethods: Uint8Array.of(0),
    extensions: new Map(),
    ...fields,
  };
}

export class RawClient {
  readonly peer: string;
  readonly worker: TestWorker;
  #sequence = 0;
  #record = 0;

  constructor(worker: TestWorker, peer = 'raw') {
    this.worker = worker;
    this.peer = peer;
  }

  /** Sends a handshake message; returns the datagrams that came back. */
  send(type: number, body: Uint8Array, nowMs = 0): Uint8Array[] {
    const message = encodeMessage({ type, sequence: this.#sequence++, body });
    return this.sendRecord(ContentType.HANDSHAKE, message, nowMs);
  }

  sendRecord(type: number, content: Uint8Array, nowMs = 0): Uint8Array[] {
    this.worker.server.handle(nowMs, { peer: this.peer, bytes: plaintextRecord(type, this.#record++, content) });
    return this.worker.settle(nowMs).filter(({ peer }) => peer === this.peer).map(({ bytes }) => bytes);
  }

  /** The cookie for a hello. */
  cookieFor(of: ClientHello, nowMs = 0): Uint8Array {
    const [answer] = this.send(HandshakeType.CLIENT_HELLO, encodeClientHello({ ...of, cookie: EMPTY_BYTES }), nowMs);
    const [fragment] = fragments(answer!);
    return decodeHelloVerifyRequest(fragment!.bytes)!.cookie;
  }

  /** Both hellos; returns what came back to the second. */
  greet(of: ClientHello, nowMs = 0): Uint8Array[] {
    const cookie = this.cookieFor(of, nowMs);
    return this.send(HandshakeType.CLIENT_HELLO, encodeClientHello({ ...of, cookie }), nowMs);
  }
}

/** The handshake fragments in a datagram's plaintext records. */
export function fragments(datagram: Uint8Array): HandshakeFragment[] {
  const { records } = splitDatagram(datagram, 14);
  return records.filter(({ type, epoch }) => type === ContentType.HANDSHAKE && epoch === 0).flatMap(({ fragment }) => decodeFragments(fragment)!);
}

export function serverHello(datagrams: readonly Uint8Array[]): ServerHello | undefined {
  const found = datagrams.flatMap(fragments).find(({ type }) => type === HandshakeType.SERVER_HELLO);
  return found && decodeServerHello(found.bytes);
}

/** The alert in some datagrams' plaintext records. */
export function alertIn(datagrams: readonly Uint8Array[]): number | undefined {
  const records = datagrams.flatMap((datagram) => splitDatagram(datagram, 14).records);
  const found = records.find(({ type, epoch }) => type === ContentType.ALERT && epoch === 0);
  return found && decodeAlert(found.fragment)?.description;
}
