/** One handshake of a server while it lasts: its messages in order, its questions, its end. What each message does is in the flights' files. */
import { Alert, decodeAlert, encodeAlert } from '../alerts.ts';
import type { PeerIdentity } from '../association/record.ts';
import type { KeyObject } from '../crypto.ts';
import { HandshakeCore } from '../handshake/core.ts';
import { pskPremasterSecret } from '../keys/key-schedule.ts';
import type { KeyShare, PublicKeyResult, PublicKeyWork } from '../keys/public-key-work.ts';
import { runPublicKeyWork } from '../keys/public-key-work.ts';
import type { ClientHelloPrefix } from '../messages/client-hello.ts';
import { HandshakeType, decodeFragments } from '../messages/handshake.ts';
import type { HandshakeFragment, HandshakeMessage } from '../messages/handshake.ts';
import type { OpenedRecord } from '../record/record.ts';
import { ContentType, MAX_PLAINTEXT, ownRecord } from '../record/record.ts';
import type { WireRecord } from '../record/record.ts';
import { ReplayWindow } from '../record/replay-window.ts';
import type { Waking } from '../timers.ts';
import type { Association, HeldRecord } from './association.ts';
import type { ServerContext } from './context.ts';
import type { Refusal } from './counters.ts';
import type { DtlsServerEvent, FormerPsk, Question } from './events.ts';
import { deriveServerKeys } from './keys.ts';
import type { Agreement } from './negotiation.ts';

/** What the next message does. */
export type Step = (handshake: ServerHandshake, nowMs: number, message: HandshakeMessage) => void;

/** Where a handshake tells its end. */
export interface HandshakeOwner {
  /** CIDs are known from the ServerHello on, so that the client's Finished finds its handshake. */
  announceCid(handshake: ServerHandshake): void;
  ended(handshake: ServerHandshake): void;
  established(nowMs: number, handshake: ServerHandshake, association: Association): void;
}

/** Records of the protected epoch that came before its keys. */
const MAX_EARLY_RECORDS = 4;
const FINISHED_ATTEMPTS = 2;
/**
 * From the PSK identity to the alert of its refusal at the least: longer than a lookup takes, which an identity that is
 * known may be spared. A client that repeats its Finished as it should (RFC 6347 §4.2.4.1) never waits for it.
 */
const PSK_REFUSAL_MS = 250;

export class ServerHandshake implements Waking {
  wakeAtMs = Infinity;
  heapIndex = -1;
  ended = false;
  agreement: Agreement | undefined;
  /** The ephemeral key of ECDHE. */
  share: KeyShare | undefined;
  /** The public key of the client's certificate, once it was judged. */
  peerKey: KeyObject | undefined;
  identity: PeerIdentity | undefined;
  deviceNumber = '';
  credentialVersion = 0;
  /** When its certificate is over. */
  validUntilMs: number | undefined;
  /** Tried where the peer's Finished does not open with the current key. */
  formerPsk: FormerPsk | undefined;
  provedAtMs = 0;
  /** Set where the handshake goes on only so that its peer can't tell why it fails. */
  doomed: Refusal | undefined;
  /** Whether our change_cipher_spec was sent. */
  protectedOut = false;
  association: Association | undefined;
  early: HeldRecord[] = [];
  step: Step;
  readonly peer: string;
  readonly random: Uint8Array;
  readonly core: HandshakeCore;
  readonly window = new ReplayWindow();
  readonly context: ServerContext;
  readonly owner: HandshakeOwner;
  readonly begunMs: number;
  readonly #expiresAtMs: number;
  #question: number | undefined;
  #waiting = false;
  #held: WireRecord[] = [];
  #failedSequence = -1;
  /** When a refusal of the PSK may be told, and whether it is to be. */
  #refusalFromMs = 0;
  #refusal: Refusal | undefined;
  #finishedFailures = 0;
  #accounted = 0;

  constructor(nowMs: number, context: ServerContext, owner: HandshakeOwner, from: { peer: string; hello: ClientHelloPrefix; fragment: HandshakeFragment; record: WireRecord }, first: Step) {
    const { settings } = context;
    this.context = context;
    this.owner = owner;
    this.peer = from.peer;
    this.random = from.hello.random.slice();
    this.step = first;
    this.begunMs = nowMs;
    this.#expiresAtMs = nowMs + settings.limits.handshakeTimeoutMs;
    this.core = new HandshakeCore({
      side: 'server',
      random: settings.random,
      sizes: { maxDatagramBytes: settings.maxDatagramBytes, maxContentBytes: MAX_PLAINTEXT },
      times: settings.retransmission,
      reassembly: { maxMessageBytes: settings.limits.maxMessageBytes, maxBytes: settings.limits.maxBytesPerHandshake },
      // RFC 6347 §4.2.1, §4.2.2: the stateless server goes on with the client's own numbers.
      receiveSequence: from.fragment.sequence,
      sendSequence: from.fragment.sequence,
      recordSequence: from.record.sequence % 2 ** 40,
      transmit: (datagram) => context.send(this.peer, datagram),
    });
    context.counters.handshakesBegun++;
    this.#reschedule();
  }

  /** Fragments of epoch 0, or from an opened record. */
  handleFragments(nowMs: number, fragments: readonly HandshakeFragment[], epoch: 0 | 1): void {
    let repeated = false;
    for (const fragment of fragments) {
      // Finished is the one protected message: anybody could forge it in epoch 0, and end the handshake by it.
      const misplaced = (fragment.type === HandshakeType.FINISHED) !== (epoch === 1);
      const full = this.context.handshakeBytes > this.context.settings.limits.maxHandshakeBytes;
      const added = misplaced || full ? 'refused' : this.core.reassembly.add(fragment);
      if (added === 'refused') this.context.drop('unexpected');
      repeated ||= added === 'old' && fragment.type === HandshakeType.CLIENT_HELLO;
    }
    // Our flight is still awaited, and the one before it came again: ours was lost.
    if (repeated && this.core.retransmitAtMs < Infinity) this.#repeat(nowMs);
    this.pump(nowMs);
  }

  /** A record of the protected epoch; false if it isn't of this handshake. */
  handleProtected(nowMs: number, record: WireRecord): boolean {
    if (this.core.keys === undefined || this.#waiting) {
      if (this.agreement === undefined || this.#held.length >= MAX_EARLY_RECORDS) return false;
      this.#held.push(ownRecord(record));
      this.#account();
      return true;
    }
    if (!this.window.accepts(record.sequence)) {
      this.context.drop('replayed');
      return true;
    }
    const opened = this.core.keys.opener.open(record) ?? this.#openWithFormer(record);
    if (opened === undefined) return this.#onUnopened(nowMs, record);
    this.window.mark(record.sequence);
    const newest = record.sequence === this.window.highest;
    if (opened.type === ContentType.HANDSHAKE) this.handleFragments(nowMs, decodeFragments(opened.content) ?? [], 1);
    else if (opened.type === ContentType.ALERT) this.handleAlert(nowMs, opened.content);
    else if (opened.type === ContentType.APPLICATION_DATA) this.#onEarlyData(nowMs, { peer: this.peer, sequence: record.sequence, newest, opened });
    else this.context.drop('unexpected');
    return true;
  }

  /** A fatal alert of the peer ends the handshake: a client that refuses our certificate, say. */
  handleAlert(nowMs: number, content: Uint8Array): void {
    const alert = decodeAlert(content);
    if (alert === undefined || (!alert.fatal && alert.description !== Alert.CLOSE_NOTIFY)) this.context.drop('unexpected');
    else this.#finish(nowMs, 'peer-alert', alert.description);
  }

  /** Takes the messages that are whole, one after the other, until a question must be answered first. */
  pump(nowMs: number): void {
    while (!this.ended && !this.#waiting) {
      const message = this.core.reassembly.take();
      if (message !== undefined) {
        this.step(this, nowMs, message);
        continue;
      }
      const held = this.core.keys === undefined ? undefined : this.#held.shift();
      if (held === undefined) break;
      this.handleProtected(nowMs, held);
    }
    this.#account();
    this.#reschedule();
  }

  /** Asks the driver; nothing of this handshake goes on before it answers. */
  ask<Answer>(event: (question: Question<Answer>) => DtlsServerEvent, then: (nowMs: number, answer: Answer) => void): void {
    this.#waiting = true;
    this.#question = this.context.ask<Answer>(event, (nowMs, answer) => {
      this.#waiting = false;
      this.#question = undefined;
      then(nowMs, answer);
      this.pump(nowMs);
    });
  }

  /** Runs public-key work, here or where the driver has it run. */
  work<Kind extends PublicKeyWork['kind']>(nowMs: number, work: PublicKeyWork & { kind: Kind }, then: (nowMs: number, result: PublicKeyResult & { kind: Kind }) => void): void {
    if (this.context.settings.publicKeyWork === 'inline') {
      then(nowMs, runPublicKeyWork(work) as PublicKeyResult & { kind: Kind });
      return;
    }
    this.ask<PublicKeyResult | undefined>(
      (question) => ({ kind: 'work-wanted', question, work }),
      (answeredMs, result) => {
        if (result?.kind === work.kind) then(answeredMs, result as PublicKeyResult & { kind: Kind });
        else this.#finish(answeredMs, 'work-refused');
      },
    );
  }

  /** Ends with an alert. */
  fail(nowMs: number, reason: Refusal, alert: number): void {
    if (this.ended) return;
    const canProtect = this.protectedOut && this.association !== undefined && this.association.sendLeft > 0;
    if (canProtect) this.context.send(this.peer, this.association!.seal(ContentType.ALERT, encodeAlert(alert)));
    else if (!this.protectedOut) this.context.send(this.peer, this.core.writeRecord(0, ContentType.ALERT, encodeAlert(alert)));
    this.#finish(nowMs, reason, alert);
  }

  /** A PSK identity came: its refusal, should it come to that, is told no sooner than that of any other. */
  identityCame(nowMs: number): void {
    this.#refusalFromMs = nowMs + PSK_REFUSAL_MS;
  }

  /** Ends without a word: the peer will try again. */
  abandon(nowMs: number, reason: Refusal): void {
    this.#finish(nowMs, reason);
  }

  /** Ends in success. */
  complete(nowMs: number, association: Association): void {
    this.end();
    this.owner.established(nowMs, this, association);
  }

  wake(nowMs: number): void {
    if (this.ended) return;
    if (nowMs >= this.#expiresAtMs) {
      this.#finish(nowMs, this.doomed ?? 'timeout');
      return;
    }
    if (this.#refusal !== undefined && nowMs >= this.#refusalFromMs) {
      this.fail(nowMs, this.#refusal, Alert.UNKNOWN_PSK_IDENTITY);
      return;
    }
    if (nowMs >= this.core.retransmitAtMs) {
      this.context.counters.retransmissions++;
      this.core.onTimeout(nowMs);
    }
    this.#reschedule();
  }

  /** Frees all that the handshake holds. */
  end(): void {
    if (this.ended) return;
    this.ended = true;
    if (this.#question !== undefined) this.context.withdraw(this.#question);
    this.context.handshakeBytes -= this.#accounted;
    this.#accounted = 0;
    this.#held = [];
    this.context.deadlines.set(this, Infinity);
    this.owner.ended(this);
  }

  #finish(_nowMs: number, reason: Refusal, alert?: number): void {
    if (this.ended) return;
    this.context.refuse(reason);
    this.context.emit({
      kind: 'refused',
      peer: this.peer,
      reason,
      ...(alert !== undefined && { alert }),
      ...(this.identity !== undefined && { identity: this.identity }),
    });
    this.end();
  }

  /** While a key is replaced under its identity, which one the peer has shows by its Finished. */
  #openWithFormer(record: WireRecord): OpenedRecord | undefined {
    const { formerPsk: former, core } = this;
    if (former === undefined || !this.#isNewAttempt(record)) return undefined;
    const { keys } = core;
    deriveServerKeys(this, pskPremasterSecret(former.key), 'premaster');
    const opened = core.keys?.opener.open(record);
    if (opened === undefined) core.keys = keys;
    else this.credentialVersion = former.credentialVersion;
    if (opened !== undefined) this.formerPsk = undefined;
    return opened;
  }

  /** Whether a record may be a Finished that was not tried before. */
  #isNewAttempt({ type, sequence }: WireRecord): boolean {
    return (type === ContentType.HANDSHAKE || type === ContentType.TLS12_CID) && sequence !== this.#failedSequence;
  }

  /** The first that doesn't open may be anybody's; with the second the handshake is over. Unknown identities end the same way. */
  #onUnopened(nowMs: number, record: WireRecord): boolean {
    this.context.drop('bad-record');
    if (!this.#isNewAttempt(record)) return true;
    this.#failedSequence = record.sequence;
    if (++this.#finishedFailures < FINISHED_ATTEMPTS) return true;
    const psk = this.agreement?.choice.suite.keyExchange === 'psk' && !this.agreement.resumed;
    if (psk) this.#refusePsk(nowMs);
    else this.fail(nowMs, 'finished', Alert.DECRYPT_ERROR);
    return true;
  }

  #refusePsk(nowMs: number): void {
    this.#refusal = this.doomed ?? 'finished';
    this.#waiting = true;
    this.wake(nowMs);
  }

  /** In an abbreviated handshake the client may send at once. That its Finished isn't here yet says it was lost: our flight calls for it. */
  #onEarlyData(nowMs: number, record: HeldRecord): void {
    if (this.early.length < MAX_EARLY_RECORDS) this.early.push(record);
    else this.context.drop('unexpected');
    if (this.protectedOut) this.#repeat(nowMs);
  }

  #repeat(nowMs: number): void {
    const before = this.core.retransmissions;
    this.core.repeatFlight(nowMs);
    this.context.counters.retransmissions += this.core.retransmissions - before;
  }

  #account(): void {
    if (this.ended) return;
    const bytes = this.core.reassembly.bytes + this.#held.reduce((sum, { fragment }) => sum + fragment.length, 0);
    this.context.handshakeBytes += bytes - this.#accounted;
    this.#accounted = bytes;
  }

  #reschedule(): void {
    const refusalAtMs = this.#refusal === undefined ? Infinity : this.#refusalFromMs;
    if (!this.ended) this.context.deadlines.set(this, Math.min(this.#expiresAtMs, this.core.retransmitAtMs, refusalAtMs));
  }
}
