/** Records of live associations: in, past replay window and ceiling, and out, within the stored block of numbers. */
import { Alert, decodeAlert, encodeAlert } from '../alerts.ts';
import { HandshakeType, decodeFragments } from '../messages/handshake.ts';
import { ContentType, ownRecord } from '../record/record.ts';
import type { WireRecord } from '../record/record.ts';
import type { Association, HeldRecord } from './association.ts';
import { LAST_SEND_NUMBER } from './association.ts';
import type { AssociationTable } from './association-table.ts';
import type { ServerContext } from './context.ts';
import type { ClosedReason } from './events.ts';

/** `queued`: it leaves once a block of numbers is stored. */
export type SendResult = 'sent' | 'queued' | 'too-large' | 'full' | 'unknown';

export class Traffic {
  readonly #context: ServerContext;
  readonly #table: AssociationTable;

  readonly #takeBack: (nowMs: number, peer: string, record: WireRecord) => void;

  /** `takeBack` gets records of an association that is another worker's by now: it may be taken over again with them. */
  constructor(context: ServerContext, table: AssociationTable, takeBack: (nowMs: number, peer: string, record: WireRecord) => void) {
    this.#context = context;
    this.#table = table;
    this.#takeBack = takeBack;
  }

  /** Takes a record; false if it doesn't authenticate under this association. Silent about everything that is wrong with it. */
  receive(nowMs: number, association: Association, record: WireRecord, peer: string): boolean {
    if (!association.window.accepts(record.sequence)) {
      this.#context.drop('replayed');
      return true;
    }
    const opened = association.open(record);
    if (opened === undefined) return false;
    const newest = record.sequence > association.window.highest;
    association.window.mark(record.sequence);
    this.admit(nowMs, association, { peer, sequence: record.sequence, newest, opened, record });
    return true;
  }

  /** Takes a record that was opened, and marked in the window. */
  admit(nowMs: number, association: Association, record: HeldRecord): void {
    association.used = true;
    // What comes late or once more is not the device's rate: ceilings that ran ahead for it would have its next records count as not fresh.
    if (record.newest) association.countReceived(nowMs);
    const { settings } = this.#context;
    if (settings.receiveCeiling === 'with-data' || isCovered(association, record)) {
      this.#accept(nowMs, association, record);
      return;
    }
    if (association.held.length >= settings.limits.maxHeldRecords) {
      this.#context.drop('held-overflow');
      return;
    }
    association.held.push(record.record === undefined ? record : { ...record, record: ownRecord(record.record) });
    this.#askCeiling(association);
  }

  ceilingStored(nowMs: number, association: Association, ceiling: number): void {
    if (association.closed) return;
    association.ceiling = Math.max(association.ceiling, ceiling);
    const { held } = association;
    association.held = [];
    for (const record of held) {
      if (association.closed) return;
      if (isCovered(association, record)) this.#accept(nowMs, association, record);
      else association.held.push(record);
    }
    this.#askCeiling(association);
  }

  send(association: Association, type: number, content: Uint8Array): SendResult {
    const { settings } = this.#context;
    if (content.length > association.fixed.sendLimit) return 'too-large';
    if (association.sendLeft > 0 && association.queued.length === 0) {
      this.#transmit(association, type, content);
      return 'sent';
    }
    if (association.queued.length >= settings.limits.maxHeldRecords) return 'full';
    association.queued.push({ type, content });
    this.askBlock(association);
    return 'queued';
  }

  /** Asks for the next block of numbers, once. */
  askBlock(association: Association): void {
    if (association.blockQuestion !== undefined || association.closed) return;
    const sendEnd = association.sendEnd + this.#context.settings.sendBlock;
    association.blockQuestion = this.#context.ask<boolean>(
      (question) => ({ kind: 'send-block-wanted', question, association: association.handle, sendEnd }),
      (_nowMs, stored) => {
        association.blockQuestion = undefined;
        if (!stored) {
          this.close(association, 'discarded');
          return;
        }
        association.blockStored(sendEnd);
        for (const { type, content } of association.queued.splice(0)) this.send(association, type, content);
      },
    );
  }

  /** Forgets an association; `alert` is told to the peer where numbers are left. */
  close(association: Association, reason: ClosedReason, sendAlert?: number, received?: number): void {
    if (association.closed) return;
    if (sendAlert !== undefined && association.sendLeft > 0) this.#seal(association, ContentType.ALERT, encodeAlert(sendAlert));
    association.closed = true;
    association.held = [];
    association.queued = [];
    association.lastFlight = undefined;
    for (const question of [association.ceilingQuestion, association.blockQuestion]) if (question !== undefined) this.#context.withdraw(question);
    this.#table.remove(association);
    this.#context.emit({ kind: 'closed', association: association.handle, reason, ...(received !== undefined && { alert: received }) });
  }

  /** Sends the flight that completes a handshake, and sends it again when its answer shows that it was lost. */
  sendLastFlight(nowMs: number, association: Association): void {
    const { maxDatagramBytes } = this.#context.settings;
    const sizes = { maxDatagramBytes, maxContentBytes: association.fixed.sendLimit };
    for (const datagram of association.lastFlight?.send(nowMs, association, association.overhead, sizes) ?? []) this.#context.send(association.peer, datagram);
  }

  #askCeiling(association: Association): void {
    const last = association.held.at(-1);
    if (last === undefined || association.ceilingQuestion !== undefined) return;
    const ceiling = association.nextCeiling(association.window.highest);
    association.ceilingQuestion = this.#context.ask<boolean>(
      (question) => ({ kind: 'ceiling-wanted', question, association: association.handle, ceiling }),
      (nowMs, stored) => {
        association.ceilingQuestion = undefined;
        if (stored) this.ceilingStored(nowMs, association, ceiling);
        else this.#lose(nowMs, association);
      },
    );
  }

  /** Another worker has it, or the store is away: what waits is brought back to the beginning. */
  #lose(nowMs: number, association: Association): void {
    const { held } = association;
    this.close(association, 'discarded');
    if (!association.fixed.cidAgreed) return;
    for (const { peer, record } of held) if (record !== undefined) this.#takeBack(nowMs, peer, record);
  }

  #transmit(association: Association, type: number, content: Uint8Array): void {
    this.#seal(association, type, content);
    if (association.sendNext >= LAST_SEND_NUMBER) this.close(association, 'sequence-numbers', Alert.CLOSE_NOTIFY);
    // Asked for before they run out, so that nothing has to wait.
    else if (association.sendLeft <= this.#context.settings.sendBlock / 4) this.askBlock(association);
  }

  #seal(association: Association, type: number, content: Uint8Array): void {
    this.#context.counters.recordsOut++;
    this.#context.send(association.peer, association.seal(type, content));
  }

  #accept(nowMs: number, association: Association, record: HeldRecord): void {
    this.#context.counters.recordsIn++;
    const fresh = association.isFresh(record.sequence);
    if (record.newest && fresh && record.peer !== association.peer && association.fixed.cidAgreed) this.#move(association, record.peer);
    const { type, content } = record.opened;
    switch (type) {
      case ContentType.APPLICATION_DATA: {
        association.lastFlight = undefined;
        const ceiling = record.sequence > association.ceiling ? association.nextCeiling(association.window.highest) : undefined;
        this.#context.emit({ kind: 'data', association: association.handle, peer: record.peer, bytes: content, fresh, ...(ceiling !== undefined && { ceiling }) });
        break;
      }
      case ContentType.ALERT:
        this.#onAlert(association, content);
        break;
      case ContentType.HANDSHAKE:
        this.#onHandshake(nowMs, association, content);
        break;
      default:
        this.#context.drop('unexpected');
    }
  }

  /** RFC 9146 §6: a newer record that authenticated came from there. */
  #move(association: Association, to: string): void {
    const from = association.peer;
    association.peer = to;
    this.#context.counters.addressChanges++;
    this.#context.emit({ kind: 'address-changed', association: association.handle, from, to });
  }

  #onAlert(association: Association, content: Uint8Array): void {
    const alert = decodeAlert(content);
    if (alert?.description === Alert.CLOSE_NOTIFY) {
      // RFC 5246 §7.2.1: answered by one of our own.
      this.close(association, 'close-notify', Alert.CLOSE_NOTIFY, alert.description);
    } else if (alert?.fatal === true) this.close(association, 'peer-alert', undefined, alert.description);
    else this.#context.drop('unexpected');
  }

  #onHandshake(nowMs: number, association: Association, content: Uint8Array): void {
    const [first] = decodeFragments(content) ?? [];
    if (first?.type === HandshakeType.FINISHED && first.sequence === association.lastFlight?.finishedSequence) {
      this.#context.counters.retransmissions++;
      this.sendLastFlight(nowMs, association);
    } else if (first?.type === HandshakeType.CLIENT_HELLO) this.send(association, ContentType.ALERT, encodeAlert(Alert.NO_RENEGOTIATION));
    else this.#context.drop('unexpected');
  }
}

/** Alerts and repeated Finisheds do nothing twice, so they need no ceiling; but nothing overtakes what waits for one. */
function isCovered(association: Association, { sequence, opened }: HeldRecord): boolean {
  return association.held.length === 0 && (sequence <= association.ceiling || opened.type !== ContentType.APPLICATION_DATA);
}
