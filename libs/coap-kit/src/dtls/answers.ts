/** Answers what the DTLS engine asks: who a peer is, what is stored of its association, and that its progress is stored. */
import { setTimeout as elapse } from 'node:timers/promises';
import {
  type Credential, type DtlsQuestion, type DtlsServer, type PublicKeyResult, type Question, type ResumptionAnswer, startPublicKeyWork, type StoredAssociation,
  type TakeoverAnswer,
} from '@cluster/dtls';
import type { Advanced, AssociationKeeper, PeerVerdicts, SessionStore } from '@cluster/session';
import type { PublicKeyPool } from './public-key-pool.ts';
import type { SecurePeers } from './secure-peers.ts';
import { TokenBucket } from './token-bucket.ts';

interface Deps {
  readonly keeper: AssociationKeeper;
  readonly areLive: (credentials: readonly Credential[]) => Promise<boolean[]>;
  readonly verdicts: PeerVerdicts;
  readonly pool: PublicKeyPool;
  readonly sessions: Pick<SessionStore, 'resolveAddresses'>;
  readonly peers: SecurePeers;
  /** The store's clock. */
  readonly nowMs: () => number;
  readonly ticketLifetimeMs: number;
  /** Anybody can send records without a Connection ID from any address: so many lookups a second. */
  readonly addressLookupsPerS: number;
  /** Told of each lookup beyond them. */
  readonly overBudget: () => void;
  /** Uses the engine; what comes of it leaves at the end of the turn. */
  readonly run: (work: (engine: DtlsServer, nowMs: number) => void) => void;
}

type Asked<K extends DtlsQuestion['kind']> = Extract<DtlsQuestion, { kind: K }>;
type Progress = Asked<'send-block-wanted'> | Asked<'ceiling-wanted'>;

/** How often what the store did not answer is asked again; the handshake or association waits meanwhile. */
const AGAIN_MS = 1_000;
const TRIES = 10;
/** Records of an association that is not here wait for 5 s at most. */
const TRIES_TO_FIND = 5;

/** The name of an address in the index, apart from those of plain CoAP. */
export function addressName(peer: string): string {
  return `dtls+${peer}`;
}

export class Answers {
  readonly #deps: Deps;
  /** Associations whose becoming the device's is being stored. */
  readonly #establishing = new Map<number, Promise<boolean>>();

  readonly #addressLookups: TokenBucket;

  constructor(deps: Deps) {
    this.#deps = deps;
    this.#addressLookups = new TokenBucket(deps.addressLookupsPerS, deps.nowMs);
  }

  /** Answers the questions of one turn: what is alike goes to the store together. */
  answer(questions: readonly DtlsQuestion[]): void {
    const puts: Asked<'store-wanted'>[] = [];
    for (const question of questions) {
      if (question.kind === 'store-wanted') puts.push(question);
      else this.#one(question);
    }
    if (puts.length > 0) void this.#put(puts);
  }

  /** An association lives here now. What is asked about it waits until it is the device's. */
  establish(association: number, cid: Uint8Array): void {
    const established = insist(() => this.#deps.keeper.establish(cid), TRIES).catch(() => false);
    this.#establishing.set(association, established);
    void established.then((ok) => {
      this.#establishing.delete(association);
      if (!ok) this.#deps.run((engine) => engine.discard(association));
    });
  }

  #one(asked: Exclude<DtlsQuestion, Asked<'store-wanted'>>): void {
    const { verdicts, keeper, nowMs } = this.#deps;
    switch (asked.kind) {
      case 'psk-wanted':
        return this.#later(asked.question, () => verdicts.psk(asked.identity, nowMs()), TRIES);
      case 'verdict-wanted':
        return this.#later(asked.question, () => this.#verdict(asked), TRIES);
      case 'resumption-wanted':
        // A session that can't be looked at is not resumed: a full handshake needs no memory of ours.
        return this.#later<ResumptionAnswer>(asked.question, () => this.#resumption(asked), 1, { ok: false });
      case 'association-wanted':
        return this.#later<StoredAssociation>(asked.question, () => this.#find(asked), TRIES_TO_FIND, undefined);
      case 'takeover-wanted':
        // Nobody knows whether it was stored: the next record finds out.
        return this.#later<TakeoverAnswer>(asked.question, () => keeper.takeOver(asked), 1, undefined);
      case 'work-wanted':
        return this.#work(asked);
      default:
        return this.#progress(asked);
    }
  }

  async #put(puts: readonly Asked<'store-wanted'>[]): Promise<void> {
    const stored = await insist(() => this.#deps.keeper.put(puts), TRIES).catch(() => []);
    this.#deps.run((engine, nowMs) => puts.forEach(({ question }, i) => engine.answer(nowMs, question, stored[i] === true)));
  }

  /** An offer is the first that a handshake needs; one that finds no room ends it, and its device begins anew. */
  #work({ question, work }: Asked<'work-wanted'>): void {
    const answer = (result: PublicKeyResult | undefined) => this.#deps.run((engine, nowMs) => engine.answer(nowMs, question, result));
    const task = (done: () => void) =>
      startPublicKeyWork(work, (result) => {
        done();
        answer(result);
      });
    if (work.kind !== 'offer') this.#deps.pool.goOn(task);
    else if (!this.#deps.pool.begin(task)) answer(undefined);
  }

  /** The next block of send numbers, or a receive ceiling. */
  #progress(asked: Progress): void {
    const establishing = this.#establishing.get(asked.association);
    if (establishing !== undefined) return void establishing.then(() => this.#advance(asked));
    this.#advance(asked);
  }

  /** What the store did not answer is asked again for a while: the association stays here, and its records wait. */
  #advance(asked: Progress, tries = TRIES): void {
    const peer = this.#deps.peers.byAssociation(asked.association);
    const done = (result: Advanced) => {
      if (result === 'unknown' && tries > 1) setTimeout(() => this.#advance(asked, tries - 1), AGAIN_MS).unref();
      else this.#deps.run((engine, nowMs) => engine.answer(nowMs, asked.question, result === 'stored'));
    };
    if (peer === undefined) return done('refused');
    const change = asked.kind === 'ceiling-wanted' ? { receiveCeiling: asked.ceiling } : { sendEnd: asked.sendEnd };
    this.#deps.keeper.advance(peer.cid, change, done);
  }

  #verdict({ credential, chain }: Asked<'verdict-wanted'>) {
    const { verdicts, nowMs } = this.#deps;
    return credential === 'rpk' ? verdicts.rpk(chain[0]!, nowMs()) : verdicts.x509(chain, nowMs());
  }

  async #resumption({ sessionId, credential, provedAtMs = 0 }: Asked<'resumption-wanted'>): Promise<ResumptionAnswer> {
    const { keeper, areLive, nowMs, ticketLifetimeMs } = this.#deps;
    const isYoung = (provedMs: number) => nowMs() - provedMs < ticketLifetimeMs;
    if (sessionId !== undefined) {
      const session = await keeper.session(sessionId);
      return session !== undefined && isYoung(session.provedAtMs) ? { ok: true, fixed: session.fixed } : { ok: false };
    }
    const [live] = credential === undefined ? [] : await areLive([credential]);
    return { ok: live === true && isYoung(provedAtMs) };
  }

  async #find({ cid, peer }: Asked<'association-wanted'>): Promise<StoredAssociation> {
    const { keeper, sessions } = this.#deps;
    if (cid !== undefined) return keeper.find(cid);
    if (!this.#addressLookups.take()) {
      this.#deps.overBudget();
      return undefined;
    }
    const [number] = await sessions.resolveAddresses([addressName(peer)]);
    return number === undefined ? undefined : keeper.findOf(number);
  }

  /** Asks the store; where it is away, again after a while, and answers `otherwise`, if told, when that was often enough. */
  #later<Answer>(question: Question<Answer>, ask: () => Promise<Answer>, tries: number, ...otherwise: NoInfer<Answer>[]): void {
    const answer = (found: NoInfer<Answer>) => this.#deps.run((engine, nowMs) => engine.answer(nowMs, question, found));
    insist(ask, tries).then(answer, () => otherwise.forEach(answer));
  }
}

async function insist<T>(ask: () => Promise<T>, tries: number): Promise<T> {
  for (let left = tries; ; left--) {
    try {
      return await ask();
    } catch (error) {
      if (left <= 1) throw error;
      await elapse(AGAIN_MS, undefined, { ref: false });
    }
  }
}
