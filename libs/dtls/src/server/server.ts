/** The server engine: hands each record to its handshake, its association, or the takeover of one; everything else is dropped and counted. */
import { Alert } from '../alerts.ts';
import { CID_LENGTH } from '../association/cid.ts';
import type { Datagram } from '../datagram.ts';
import { decodeClientHelloPrefix } from '../messages/client-hello.ts';
import { HandshakeType, decodeFragments } from '../messages/handshake.ts';
import type { HandshakeFragment } from '../messages/handshake.ts';
import { ContentType, PROTECTED_EPOCH, splitDatagram } from '../record/record.ts';
import type { WireRecord } from '../record/record.ts';
import { equalBytes } from '@cluster/bytes';
import { Adoptions } from './adoption.ts';
import type { Association, HeldRecord } from './association.ts';
import { AssociationTable, bytesKey } from './association-table.ts';
import { ServerContext } from './context.ts';
import type { DtlsServerCounters } from './counters.ts';
import type { ClosedReason, DtlsServerEvent, Question } from './events.ts';
import { helloVerifyRequest, isCookie } from './flight2.ts';
import { onClientHello } from './flight4.ts';
import { ServerHandshake } from './handshake.ts';
import type { HandshakeOwner } from './handshake.ts';
import type { DtlsServerOptions } from './options.ts';
import { serverSettings } from './options.ts';
import { Traffic } from './traffic.ts';
import type { SendResult } from './traffic.ts';

/** What `poll` takes out of the engine. */
export interface DtlsServerPolled {
  readonly datagrams: readonly Datagram[];
  readonly events: readonly DtlsServerEvent[];
  /** When `timeout` wants to be called; undefined: nothing is to wait for. */
  readonly wakeAtMs: number | undefined;
}

/** What the engine holds now. */
export interface DtlsServerUsage {
  readonly handshakes: number;
  readonly handshakeBytes: number;
  readonly associations: number;
  readonly adoptions: number;
  readonly questions: number;
}

/** What a Connection ID adds to a record: itself, and the true type within (RFC 9146 §4). */
function cidBytes(cid: Uint8Array): number {
  return cid.length === 0 ? 0 : cid.length + 1;
}

/**
 * A DTLS 1.2 server for any number of peers. Datagrams and time come in by `handle` and `timeout`, answers to its
 * questions by `answer`; `poll` takes out what is to be sent, asked and told. Nothing a peer sends makes it throw.
 */
export class DtlsServer {
  readonly #context: ServerContext;
  readonly #table: AssociationTable;
  readonly #traffic: Traffic;
  readonly #adoptions: Adoptions;
  readonly #handshakes = new Map<string, ServerHandshake>();
  readonly #handshakesByCid = new Map<string, ServerHandshake>();
  readonly #owner: HandshakeOwner = {
    announceCid: (handshake) => void this.#handshakesByCid.set(bytesKey(handshake.agreement!.cid), handshake),
    ended: (handshake) => this.#onEnded(handshake),
    established: (nowMs, handshake, association) => this.#onEstablished(nowMs, handshake, association),
  };

  constructor(options: DtlsServerOptions) {
    this.#context = new ServerContext(serverSettings(options));
    this.#table = new AssociationTable(this.#context.settings.limits.maxAssociations);
    this.#traffic = new Traffic(this.#context, this.#table, (nowMs, peer, record) => this.#adoptions.handle(nowMs, peer, record));
    this.#adoptions = new Adoptions(this.#context, (nowMs, association, records) => this.#onAdopted(nowMs, association, records));
  }

  get counters(): Readonly<DtlsServerCounters> {
    return this.#context.counters;
  }

  get usage(): DtlsServerUsage {
    return {
      handshakes: this.#handshakes.size,
      handshakeBytes: this.#context.handshakeBytes,
      associations: this.#table.size,
      adoptions: this.#adoptions.size,
      questions: this.#context.openQuestions,
    };
  }

  /** Takes one datagram. Its bytes may be used again afterwards, but for those of `data` events, which are views of nothing else. */
  handle(nowMs: number, { peer, bytes }: Datagram): void {
    this.#context.counters.datagramsIn++;
    const { records, intact } = splitDatagram(bytes, CID_LENGTH);
    for (const record of records) this.#handleRecord(nowMs, peer, record);
    if (!intact) this.#context.drop('malformed');
  }

  /** Lets what is due happen: retransmissions, ends of handshakes. */
  timeout(nowMs: number): void {
    this.#context.deadlines.runDue(nowMs);
  }

  /** Takes out what is to leave. Call after each `handle`, `timeout`, `answer`, `send`, or once for a batch of them. */
  poll(): DtlsServerPolled {
    const { datagrams, events, deadlines } = this.#context;
    this.#context.datagrams = [];
    this.#context.events = [];
    return { datagrams, events, wakeAtMs: deadlines.nextAtMs };
  }

  /** Answers a question; an answer that comes too late is counted and ignored. */
  answer<Answer>(nowMs: number, question: Question<Answer>, answer: NoInfer<Answer>): void {
    this.#context.answer(nowMs, question, answer);
  }

  /** Sends application data as one record. `full`: as much waits for a block of numbers as may. */
  send(association: number, content: Uint8Array): SendResult {
    const live = this.#table.get(association);
    return live === undefined ? 'unknown' : this.#traffic.send(live, ContentType.APPLICATION_DATA, content);
  }

  /** A ceiling that came with data (`receiveCeiling: 'with-data'`) is stored. */
  ceilingStored(nowMs: number, association: number, ceiling: number): void {
    const live = this.#table.get(association);
    if (live !== undefined) this.#traffic.ceilingStored(nowMs, live, ceiling);
  }

  /** Ends an association with close_notify, or another alert: access_denied for a credential that was revoked, say. */
  close(association: number, alert: number = Alert.CLOSE_NOTIFY): void {
    this.#forget(association, 'closed', alert);
  }

  /** Forgets an association without a word: another worker has it now, or the store contradicts what is known. */
  discard(association: number): void {
    this.#forget(association, 'discarded');
  }

  /** The address an association's records go to. */
  peerOf(association: number): string | undefined {
    return this.#table.get(association)?.peer;
  }

  #forget(handle: number, reason: ClosedReason, alert?: number): void {
    const live = this.#table.get(handle);
    if (live !== undefined) this.#traffic.close(live, reason, alert);
  }

  #begin(association: Association, how: 'handshake' | 'resumption' | 'takeover', serverName?: string): void {
    const { replaced, evicted } = this.#table.add(association);
    if (replaced !== undefined) this.#traffic.close(replaced, 'replaced');
    if (evicted !== undefined) {
      this.#context.counters.evicted++;
      this.#traffic.close(evicted, 'evicted');
    }
    const { fixed, handle, peer, fence } = association;
    this.#context.emit({
      kind: 'established',
      association: handle,
      peer,
      cid: fixed.cid,
      credential: fixed.credential,
      suite: fixed.suite.name,
      how,
      fence,
      cidAgreed: fixed.cidAgreed,
      sendLimit: fixed.sendLimit,
      overhead: { in: association.overhead - cidBytes(fixed.peerCid) + (fixed.cidAgreed ? cidBytes(fixed.cid) : 0), out: association.overhead },
      ...(serverName !== undefined && { serverName }),
    });
  }

  #onEnded(handshake: ServerHandshake): void {
    if (this.#handshakes.get(handshake.peer) === handshake) this.#handshakes.delete(handshake.peer);
    if (handshake.agreement !== undefined) this.#handshakesByCid.delete(bytesKey(handshake.agreement.cid));
  }

  #onEstablished(nowMs: number, handshake: ServerHandshake, association: Association): void {
    const { counters } = this.#context;
    const { resumed, offer } = handshake.agreement!;
    counters.handshakesCompleted++;
    if (resumed) counters.resumed++;
    this.#begin(association, resumed ? 'resumption' : 'handshake', offer.serverName);
    this.#traffic.sendLastFlight(nowMs, association);
    for (const record of handshake.early) if (!association.closed) this.#traffic.admit(nowMs, association, record);
  }

  #onAdopted(nowMs: number, association: Association, records: readonly HeldRecord[]): void {
    this.#begin(association, 'takeover');
    for (const record of records) if (!association.closed) this.#traffic.admit(nowMs, association, record);
  }

  #handleRecord(nowMs: number, peer: string, record: WireRecord): void {
    if (record.type === ContentType.TLS12_CID) this.#handleCidRecord(nowMs, peer, record);
    else if (record.epoch === 0) this.#handlePlaintext(nowMs, peer, record);
    else if (record.epoch === PROTECTED_EPOCH) this.#handleAddressed(nowMs, peer, record);
    else this.#context.drop('unexpected');
  }

  #handleCidRecord(nowMs: number, peer: string, record: WireRecord): void {
    if (record.epoch !== PROTECTED_EPOCH) {
      this.#context.drop('unexpected');
      return;
    }
    const association = this.#table.byCid(record.cid);
    if (association !== undefined) {
      if (!this.#traffic.receive(nowMs, association, record, peer)) this.#context.drop('bad-record');
      return;
    }
    const handshake = this.#handshakesByCid.get(bytesKey(record.cid));
    if (handshake === undefined) this.#adoptions.handle(nowMs, peer, record);
    else if (!handshake.handleProtected(nowMs, record)) this.#context.drop('unexpected');
  }

  /** Protected records without a CID: of the association at this address, else of the handshake that is to replace it. */
  #handleAddressed(nowMs: number, peer: string, record: WireRecord): void {
    const association = this.#table.byPeer(peer);
    const handshake = this.#handshakes.get(peer);
    if (association !== undefined && (handshake === undefined || record.type !== ContentType.HANDSHAKE)) {
      if (this.#traffic.receive(nowMs, association, record, peer)) return;
    }
    if (handshake?.handleProtected(nowMs, record)) return;
    if (association !== undefined || handshake !== undefined) this.#context.drop('bad-record');
    else if (record.type === ContentType.APPLICATION_DATA || record.type === ContentType.HANDSHAKE) this.#adoptions.handle(nowMs, peer, record);
    else this.#context.drop('unknown-association');
  }

  #handlePlaintext(nowMs: number, peer: string, record: WireRecord): void {
    const handshake = this.#handshakes.get(peer);
    switch (record.type) {
      case ContentType.HANDSHAKE: {
        const fragments = decodeFragments(record.fragment);
        if (fragments === undefined) this.#context.drop('malformed');
        else this.#handleFragments(nowMs, peer, record, fragments, handshake);
        break;
      }
      case ContentType.ALERT:
        if (handshake === undefined) this.#context.drop('unexpected');
        else handshake.handleAlert(nowMs, record.fragment);
        break;
      case ContentType.CHANGE_CIPHER_SPEC:
        // It carries nothing that the epoch of the next record doesn't say.
        break;
      default:
        this.#context.drop('unexpected');
    }
  }

  #handleFragments(nowMs: number, peer: string, record: WireRecord, fragments: HandshakeFragment[], handshake: ServerHandshake | undefined): void {
    const [first] = fragments;
    if (first?.type === HandshakeType.CLIENT_HELLO && first.offset === 0) {
      const hello = decodeClientHelloPrefix(first.bytes);
      if (hello === undefined) {
        this.#context.drop('malformed');
        return;
      }
      if (handshake === undefined || !equalBytes(hello.random, handshake.random)) {
        const { settings, counters } = this.#context;
        if (isCookie(settings.keys.cookie, peer, hello)) this.#beginHandshake(nowMs, peer, record, fragments, handshake);
        else {
          if (hello.cookie.length > 0) counters.badCookies++;
          counters.helloVerifyRequests++;
          const answer = helloVerifyRequest(settings.keys.cookie, peer, hello, record.sequence);
          // Never more than what came, whatever a peer may invent.
          if (answer.length <= record.bytes.length) this.#context.send(peer, answer);
        }
        return;
      }
    }
    if (handshake === undefined) this.#context.drop('unexpected');
    else handshake.handleFragments(nowMs, fragments, 0);
  }

  /** Who leaves handshakes half open shall keep others out for seconds, not until those time out: the oldest give way. */
  #makeRoom(nowMs: number): boolean {
    const { maxHandshakes, maxHandshakeBytes, displaceAfterMs } = this.#context.settings.limits;
    for (const oldest of this.#handshakes.values()) {
      if (this.#handshakes.size < maxHandshakes && this.#context.handshakeBytes < maxHandshakeBytes) return true;
      if (nowMs - oldest.begunMs < displaceAfterMs) return false;
      oldest.abandon(nowMs, 'displaced');
    }
    return true;
  }

  #beginHandshake(nowMs: number, peer: string, record: WireRecord, fragments: HandshakeFragment[], former: ServerHandshake | undefined): void {
    former?.abandon(nowMs, 'replaced');
    if (!this.#makeRoom(nowMs)) {
      this.#context.refuse('half-open-limit');
      return;
    }
    const [fragment] = fragments as [HandshakeFragment];
    const hello = decodeClientHelloPrefix(fragment.bytes)!;
    const handshake = new ServerHandshake(nowMs, this.#context, this.#owner, { peer, hello, fragment, record }, onClientHello);
    this.#handshakes.set(peer, handshake);
    handshake.handleFragments(nowMs, fragments, 0);
  }
}
