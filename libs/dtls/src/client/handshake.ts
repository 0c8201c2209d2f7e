/** A client's handshake while it lasts. What each message does is in the flights' files. */
import { Alert, encodeAlert } from '../alerts.ts';
import type { KeyObject } from '../crypto.ts';
import { HandshakeCore } from '../handshake/core.ts';
import { HandshakeType } from '../messages/handshake.ts';
import type { HandshakeFragment, HandshakeMessage } from '../messages/handshake.ts';
import type { EcdheParameters } from '../messages/key-exchange.ts';
import type { ServerHello } from '../messages/server-hello.ts';
import { ContentType, MAX_PLAINTEXT } from '../record/record.ts';
import type { CipherSuite } from '../suites.ts';
import { EMPTY_BYTES } from '@cluster/bytes';
import type { DtlsClientEvent } from './events.ts';
import type { ClientSettings } from './options.ts';

/** What the next message does. */
export type ClientStep = (handshake: ClientHandshake, nowMs: number, message: HandshakeMessage) => void;

/** What the ServerHello said. */
export interface ClientAgreement {
  readonly hello: ServerHello;
  readonly suite: CipherSuite;
  readonly resumed: boolean;
  readonly extendedMasterSecret: boolean;
  readonly encryptThenMac: boolean;
  /** On our records; empty for none. */
  readonly serverCid: Uint8Array;
  readonly cidAgreed: boolean;
  readonly ticketFollows: boolean;
  readonly sendLimit: number;
}

export class ClientHandshake {
  step: ClientStep;
  state: 'going' | 'done' | 'failed' = 'going';
  agreement: ClientAgreement | undefined;
  serverKey: KeyObject | undefined;
  serverParameters: EcdheParameters | undefined;
  /** Whether a certificate is asked for. */
  certificateAsked = false;
  ticket: Uint8Array | undefined;
  readonly random: Uint8Array;
  readonly settings: ClientSettings;
  readonly core: HandshakeCore;
  readonly emit: (event: DtlsClientEvent) => void;
  readonly expiresAtMs: number;
  readonly #transmit: (datagram: Uint8Array) => void;

  constructor(nowMs: number, settings: ClientSettings, first: ClientStep, transmit: (datagram: Uint8Array) => void, emit: (event: DtlsClientEvent) => void) {
    this.settings = settings;
    this.step = first;
    this.emit = emit;
    this.#transmit = transmit;
    this.random = settings.random(32);
    this.expiresAtMs = nowMs + settings.handshakeTimeoutMs;
    this.core = new HandshakeCore({
      side: 'client',
      random: settings.random,
      sizes: { maxDatagramBytes: settings.maxDatagramBytes, maxContentBytes: MAX_PLAINTEXT },
      times: settings.retransmission,
      reassembly: { maxMessageBytes: 20_000, maxBytes: 60_000 },
      receiveSequence: 0,
      sendSequence: 0,
      recordSequence: 0,
      transmit,
    });
  }

  handleFragments(nowMs: number, fragments: readonly HandshakeFragment[], epoch: 0 | 1): void {
    let repeated = false;
    for (const fragment of fragments) {
      if ((fragment.type === HandshakeType.FINISHED) !== (epoch === 1)) continue;
      repeated ||= this.core.reassembly.add(fragment) === 'old' && fragment.type === HandshakeType.SERVER_HELLO;
    }
    if (repeated) this.core.repeatFlight(nowMs);
    while (this.state === 'going') {
      const message = this.core.reassembly.take();
      if (message === undefined) return;
      this.step(this, nowMs, message);
    }
  }

  /** Whether the message is the one that must come now; if not, the handshake is over. */
  expects(message: HandshakeMessage, type: number): boolean {
    if (message.type !== type) this.fail(Alert.UNEXPECTED_MESSAGE);
    return message.type === type;
  }

  fail(alert: number): void {
    this.state = 'failed';
    this.#transmit(this.core.writeRecord(0, ContentType.ALERT, encodeAlert(alert)));
    this.emit({ kind: 'failed', reason: 'alert-sent', alert });
  }

  complete(): void {
    const { hello, suite, resumed, extendedMasterSecret, serverCid } = this.agreement!;
    this.state = 'done';
    const { masterSecret } = this.core.keys!;
    const ticket = this.ticket ?? (resumed ? this.settings.session?.ticket : undefined);
    const session = { id: hello.sessionId, ticket, suite, masterSecret, extendedMasterSecret };
    this.emit({ kind: 'connected', resumed, session, suite: suite.name, serverCid });
  }

  deriveKeys(secret: { premaster: Uint8Array; extended: boolean } | { masterSecret: Uint8Array }): void {
    const { suite, hello, encryptThenMac, serverCid, cidAgreed } = this.agreement!;
    const readCid = cidAgreed ? this.settings.connectionId! : EMPTY_BYTES;
    this.core.deriveKeys({ suite, randoms: { client: this.random, server: hello.random }, encryptThenMac, readCid, writeCid: serverCid }, secret);
  }
}
