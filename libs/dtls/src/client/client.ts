/** The client engine, for tests and the device simulator: one association with one server. */
import { EMPTY_BYTES, equalBytes } from '@cluster/bytes';
import { Alert, decodeAlert, encodeAlert } from '../alerts.ts';
import { HandshakeType, decodeFragments, encodeMessage } from '../messages/handshake.ts';
import { ContentType, PROTECTED_EPOCH, ownRecord, splitDatagram } from '../record/record.ts';
import type { OpenedRecord, WireRecord } from '../record/record.ts';
import { ReplayWindow } from '../record/replay-window.ts';
import type { DtlsClientEvent } from './events.ts';
import { sendClientHello } from './flight1.ts';
import { onServerHello } from './flight4.ts';
import { ClientHandshake } from './handshake.ts';
import type { ClientSettings, DtlsClientOptions } from './options.ts';
import { clientSettings } from './options.ts';

export interface DtlsClientPolled {
  readonly datagrams: readonly Uint8Array[];
  readonly events: readonly DtlsClientEvent[];
  readonly wakeAtMs: number | undefined;
}

const MAX_EARLY_RECORDS = 4;

/** A DTLS 1.2 client. `connect`, then `handle`, `timeout` and `poll` as with the server. */
export class DtlsClient {
  #handshake: ClientHandshake | undefined;
  #datagrams: Uint8Array[] = [];
  #events: DtlsClientEvent[] = [];
  #early: WireRecord[] = [];
  #closed = false;
  readonly #settings: ClientSettings;
  readonly #window = new ReplayWindow();

  constructor(options: DtlsClientOptions) {
    this.#settings = clientSettings(options);
  }

  /** Whether application data can be sent. */
  get connected(): boolean {
    return this.#handshake?.state === 'done' && !this.#closed;
  }

  connect(nowMs: number): void {
    const transmit = (datagram: Uint8Array): void => void this.#datagrams.push(datagram);
    this.#handshake = new ClientHandshake(nowMs, this.#settings, onServerHello, transmit, (event) => void this.#events.push(event));
    sendClientHello(this.#handshake, nowMs, EMPTY_BYTES);
  }

  handle(nowMs: number, datagram: Uint8Array): void {
    const { records } = splitDatagram(datagram, this.#settings.connectionId?.length ?? 0);
    for (const record of records) this.#handleRecord(nowMs, record);
    const early = this.#handshake?.core.keys === undefined ? [] : this.#early.splice(0);
    for (const record of early) this.#handleProtected(nowMs, record);
  }

  timeout(nowMs: number): void {
    const handshake = this.#handshake;
    if (handshake?.state !== 'going') return;
    if (nowMs >= handshake.expiresAtMs) {
      handshake.state = 'failed';
      this.#events.push({ kind: 'failed', reason: 'timeout' });
    } else if (nowMs >= handshake.core.retransmitAtMs) handshake.core.onTimeout(nowMs);
  }

  poll(): DtlsClientPolled {
    const datagrams = this.#datagrams;
    const events = this.#events;
    this.#datagrams = [];
    this.#events = [];
    const handshake = this.#handshake;
    const wakeAtMs = handshake?.state === 'going' ? Math.min(handshake.expiresAtMs, handshake.core.retransmitAtMs) : undefined;
    return { datagrams, events, wakeAtMs };
  }

  /** Sends application data as one record; false while not connected, or if it is longer than the server takes. */
  send(content: Uint8Array): boolean {
    if (!this.connected || content.length > this.#handshake!.agreement!.sendLimit) return false;
    this.#datagrams.push(this.#handshake!.core.writeRecord(1, ContentType.APPLICATION_DATA, content));
    return true;
  }

  /** Ends with close_notify. */
  close(): void {
    if (!this.connected) return;
    this.#datagrams.push(this.#handshake!.core.writeRecord(1, ContentType.ALERT, encodeAlert(Alert.CLOSE_NOTIFY)));
    this.#closed = true;
  }

  /** Sends a ClientHello under protection, which a server must refuse: for tests. */
  renegotiate(): void {
    if (!this.connected) return;
    const hello = encodeMessage({ type: HandshakeType.CLIENT_HELLO, sequence: 0, body: EMPTY_BYTES });
    this.#datagrams.push(this.#handshake!.core.writeRecord(1, ContentType.HANDSHAKE, hello));
  }

  #handleRecord(nowMs: number, record: WireRecord): void {
    const handshake = this.#handshake;
    if (handshake === undefined || handshake.state === 'failed' || this.#closed) return;
    if (record.epoch === PROTECTED_EPOCH) this.#handleProtected(nowMs, record);
    else if (record.epoch !== 0) return;
    else if (record.type === ContentType.HANDSHAKE) handshake.handleFragments(nowMs, decodeFragments(record.fragment) ?? [], 0);
    else if (record.type === ContentType.ALERT && handshake.state === 'going') this.#onAlert(record.fragment);
  }

  #handleProtected(nowMs: number, record: WireRecord): void {
    const handshake = this.#handshake!;
    const { keys } = handshake.core;
    if (keys === undefined) {
      if (this.#early.length < MAX_EARLY_RECORDS) this.#early.push(ownRecord(record));
      return;
    }
    const ours = record.type !== ContentType.TLS12_CID || equalBytes(record.cid, this.#settings.connectionId ?? EMPTY_BYTES);
    const opened = ours && this.#window.accepts(record.sequence) ? keys.opener.open(record) : undefined;
    if (opened === undefined) return;
    this.#window.mark(record.sequence);
    this.#onOpened(nowMs, handshake, opened);
  }

  #onOpened(nowMs: number, handshake: ClientHandshake, { type, content }: OpenedRecord): void {
    switch (type) {
      case ContentType.HANDSHAKE:
        this.#onHandshake(nowMs, handshake, content);
        break;
      case ContentType.APPLICATION_DATA:
        if (handshake.state === 'done') this.#events.push({ kind: 'data', bytes: content });
        break;
      case ContentType.ALERT:
        this.#onAlert(content);
        break;
      default:
    }
  }

  #onHandshake(nowMs: number, handshake: ClientHandshake, content: Uint8Array): void {
    const fragments = decodeFragments(content) ?? [];
    // RFC 5246 §7.3: in an abbreviated handshake the client's Finished is last; the server's comes again when it was lost.
    if (handshake.state === 'done') {
      if (handshake.agreement!.resumed && fragments[0]?.type === HandshakeType.FINISHED) handshake.core.repeatFlight(nowMs);
    } else handshake.handleFragments(nowMs, fragments, 1);
  }

  #onAlert(content: Uint8Array): void {
    const alert = decodeAlert(content);
    const handshake = this.#handshake!;
    if (alert === undefined || (!alert.fatal && alert.description !== Alert.CLOSE_NOTIFY)) return;
    if (handshake.state === 'going') {
      handshake.state = 'failed';
      this.#events.push({ kind: 'failed', reason: 'alert-received', alert: alert.description });
    } else {
      this.#closed = true;
      this.#events.push({ kind: 'closed', alert: alert.description });
    }
  }
}
