/** Takes associations over from other workers: only with a record that authenticates, and only once the store agreed. */
import { isOurCid } from '../association/cid.ts';
import { decodeFixed, decodeMoving } from '../association/record.ts';
import type { AssociationFixed, AssociationMoving } from '../association/record.ts';
import { EMPTY_BYTES, equalBytes } from '@cluster/bytes';
import { directionKeys } from '../keys/key-schedule.ts';
import { createOpener, createSealer, sealingOverhead } from '../record/protection.ts';
import type { Opener, Protection } from '../record/protection.ts';
import { ownRecord } from '../record/record.ts';
import type { WireRecord } from '../record/record.ts';
import { ReplayWindow } from '../record/replay-window.ts';
import type { Waking } from '../timers.ts';
import { Association } from './association.ts';
import type { HeldRecord } from './association.ts';
import { bytesKey } from './association-table.ts';
import type { ServerContext } from './context.ts';
import type { StoredAssociation, TakeoverAnswer } from './events.ts';
import { LastFlight } from './last-flight.ts';

/** Records of one association that wait for the store. */
const MAX_RECORDS = 8;

interface Arrived {
  readonly peer: string;
  readonly record: WireRecord;
}

/** Called with an association that was taken over, and the records that came meanwhile, opened. */
export type Adopted = (nowMs: number, association: Association, records: readonly HeldRecord[]) => void;

export class Adoptions {
  readonly #context: ServerContext;
  readonly #adopted: Adopted;
  readonly #pending = new Map<string, Adoption>();

  constructor(context: ServerContext, adopted: Adopted) {
    this.#context = context;
    this.#adopted = adopted;
  }

  get size(): number {
    return this.#pending.size;
  }

  /** A record of an association that isn't here. */
  handle(nowMs: number, peer: string, record: WireRecord): void {
    const byCid = record.cid.length > 0;
    const { settings, counters } = this.#context;
    if (byCid && !isOurCid(settings.keys.cid, record.cid)) {
      this.#context.drop('invented-cid');
      return;
    }
    if (!byCid && !settings.adoptByAddress) {
      this.#context.drop('unknown-association');
      return;
    }
    const key = byCid ? `cid ${bytesKey(record.cid)}` : `peer ${peer}`;
    const copy = ownRecord(record);
    const known = this.#pending.get(key);
    if (known !== undefined) {
      known.add(peer, copy);
      return;
    }
    if (this.#pending.size >= settings.limits.maxAdoptions) {
      this.#context.drop('association-limit');
      return;
    }
    const ended = (): void => void this.#pending.delete(key);
    const adoption = new Adoption(this.#context, nowMs, { peer, record: copy }, ended, (endedMs, association, records) => {
      counters.adopted++;
      this.#adopted(endedMs, association, records);
    });
    this.#pending.set(key, adoption);
  }
}

class Adoption implements Waking {
  wakeAtMs = Infinity;
  heapIndex = -1;
  readonly #context: ServerContext;
  readonly #records: Arrived[];
  readonly #ended: () => void;
  readonly #adopted: Adopted;
  #question: number;
  #lastFlight: LastFlight | undefined;

  constructor(context: ServerContext, nowMs: number, first: Arrived, ended: () => void, adopted: Adopted) {
    this.#context = context;
    this.#records = [first];
    this.#ended = ended;
    this.#adopted = adopted;
    context.deadlines.set(this, nowMs + context.settings.limits.adoptionTimeoutMs);
    const { cid } = first.record;
    this.#question = context.ask<StoredAssociation>(
      (question) => ({ kind: 'association-wanted', question, peer: first.peer, ...(cid.length > 0 && { cid }) }),
      (_nowMs, stored) => this.#onStored(stored),
    );
  }

  add(peer: string, record: WireRecord): void {
    if (this.#records.length < MAX_RECORDS) this.#records.push({ peer, record });
    else this.#context.drop('held-overflow');
  }

  wake(): void {
    this.#context.withdraw(this.#question);
    this.#end();
  }

  #end(): void {
    this.#context.deadlines.set(this, Infinity);
    this.#ended();
  }

  #onStored(stored: StoredAssociation): void {
    const fixed = stored === undefined ? undefined : decodeFixed(stored.fixed);
    const moving = stored === undefined ? undefined : decodeMoving(stored.moving);
    const [{ record }] = this.#records as [Arrived];
    if (fixed === undefined || moving === undefined || !belongs(fixed, moving, record)) {
      this.#context.drop('unknown-cid');
      this.#end();
      return;
    }
    const { read } = protections(fixed);
    const opener = createOpener(read);
    const proof = this.#newest(opener);
    if (proof === undefined || isReplayed(proof, fixed, moving)) {
      this.#context.drop(proof === undefined ? 'bad-record' : 'replayed');
      this.#end();
      return;
    }
    this.#lastFlight = stored!.lastFlight === undefined ? undefined : LastFlight.decode(stored!.lastFlight);
    this.#takeOver(fixed, moving, opener, proof);
  }

  /** Of the records that authenticate, the one that the peer sent last. */
  #newest(opener: Opener): Arrived | undefined {
    return this.#records.toSorted((a, b) => b.record.sequence - a.record.sequence).find((each) => opener.open(each.record) !== undefined);
  }

  #takeOver(fixed: AssociationFixed, moving: AssociationMoving, opener: Opener, proof: Arrived): void {
    const fresh = proof.record.sequence > moving.receiveCeiling;
    const ceiling = Math.max(moving.receiveCeiling, proof.record.sequence);
    const moveTo = fresh && fixed.cidAgreed && proof.peer !== moving.peer ? proof.peer : undefined;
    this.#question = this.#context.ask<TakeoverAnswer>(
      (question) => ({
        kind: 'takeover-wanted',
        question,
        credential: fixed.credential,
        cid: fixed.cid,
        fence: moving.fence,
        ceiling,
        ...(moveTo !== undefined && { moveTo }),
      }),
      (nowMs, answer) => {
        const now = answer === undefined ? undefined : decodeMoving(answer.moving);
        this.#end();
        // The store must agree with what was read: else the association is discarded, never guessed.
        const contradicts = now === undefined || !equalBytes(now.cid, fixed.cid) || now.fence <= moving.fence || answer!.sendFrom < moving.sendEnd;
        if (contradicts || answer!.sendFrom > now.sendEnd || now.receiveCeiling < ceiling) {
          this.#context.counters.takeoversRefused++;
          return;
        }
        this.#begin(nowMs, fixed, now, opener, { sendFrom: answer!.sendFrom, notFreshUpTo: moving.receiveCeiling });
      },
    );
  }

  #begin(nowMs: number, fixed: AssociationFixed, moving: AssociationMoving, opener: Opener, numbers: { sendFrom: number; notFreshUpTo: number }): void {
    const { random } = this.#context.settings;
    const window = new ReplayWindow(numbers.notFreshUpTo);
    const { write } = protections(fixed);
    const sealer = createSealer(write, random);
    const overhead = sealingOverhead(write);
    const association = new Association({ handle: this.#context.nextHandle(), fixed, moving, opener, sealer, window, overhead, ...numbers });
    association.lastFlight = this.#lastFlight;
    const opened: HeldRecord[] = [];
    for (const { peer, record } of this.#records) {
      const content = window.accepts(record.sequence) ? opener.open(record) : undefined;
      if (content === undefined) {
        this.#context.drop('bad-record');
        continue;
      }
      const newest = record.sequence > window.highest;
      window.mark(record.sequence);
      opened.push({ peer, sequence: record.sequence, newest, opened: content });
    }
    this.#adopted(nowMs, association, opened);
  }
}

/** The slot may belong to a later association of the device by now. */
function belongs(fixed: AssociationFixed, moving: AssociationMoving, record: WireRecord): boolean {
  return equalBytes(moving.cid, fixed.cid) && (fixed.cidAgreed ? equalBytes(record.cid, fixed.cid) : record.cid.length === 0);
}

/**
 * A record that a former worker may have had, from elsewhere than it had the peer: it takes nothing over. What answers it
 * would reach the peer outside of its flow, where a NAT drops it, or the peer takes this worker's address for its server's
 * new one (RFC 9146 §6). A peer that really moved repeats itself with newer records.
 */
function isReplayed({ record, peer }: Arrived, fixed: AssociationFixed, moving: AssociationMoving): boolean {
  return fixed.cidAgreed && record.sequence <= moving.receiveCeiling && peer !== moving.peer;
}

function protections(fixed: AssociationFixed): { read: Protection; write: Protection } {
  const { suite, encryptThenMac, keyBlock } = fixed;
  const write = { cipher: suite.cipher, encryptThenMac, cid: fixed.peerCid, keys: directionKeys(keyBlock, suite.cipher, 'server') };
  return { write, read: { ...write, cid: fixed.cidAgreed ? fixed.cid : EMPTY_BYTES, keys: directionKeys(keyBlock, suite.cipher, 'client') } };
}
