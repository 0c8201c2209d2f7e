/** What the parts of one server engine share: settings, counters, deadlines, open questions, and the tray of what is to leave it. */
import { Deadlines } from '../timers.ts';
import type { Datagram } from '../datagram.ts';
import type { Refusal, RecordDrop } from './counters.ts';
import { newServerCounters } from './counters.ts';
import type { DtlsServerEvent, Question } from './events.ts';
import type { ServerSettings } from './options.ts';

type Continuation = (nowMs: number, answer: never) => void;

export class ServerContext {
  readonly settings: ServerSettings;
  readonly counters = newServerCounters();
  readonly deadlines = new Deadlines();
  /** Bytes that handshakes hold, all together. */
  handshakeBytes = 0;
  datagrams: Datagram[] = [];
  events: DtlsServerEvent[] = [];
  readonly #questions = new Map<number, Continuation>();
  #lastQuestion = 0;
  #lastHandle = 0;

  constructor(settings: ServerSettings) {
    this.settings = settings;
  }

  get openQuestions(): number {
    return this.#questions.size;
  }

  send(peer: string, bytes: Uint8Array): void {
    this.counters.datagramsOut++;
    this.datagrams.push({ peer, bytes });
  }

  emit(event: DtlsServerEvent): void {
    this.events.push(event);
  }

  drop(reason: RecordDrop): void {
    this.counters.dropped[reason]++;
  }

  refuse(reason: Refusal): void {
    this.counters.refused[reason]++;
  }

  /** A fresh handle of an association. */
  nextHandle(): number {
    return ++this.#lastHandle;
  }

  /** Asks the driver; `then` runs with the answer unless the question is withdrawn first. */
  ask<Answer>(event: (question: Question<Answer>) => DtlsServerEvent, then: (nowMs: number, answer: Answer) => void): Question<Answer> {
    const question = ++this.#lastQuestion;
    this.#questions.set(question, then);
    this.emit(event(question));
    return question;
  }

  withdraw(question: number): void {
    this.#questions.delete(question);
  }

  answer(nowMs: number, question: number, answer: unknown): void {
    const then = this.#questions.get(question) as ((nowMs: number, answer: unknown) => void) | undefined;
    if (then === undefined) {
      this.counters.lateAnswers++;
      return;
    }
    this.#questions.delete(question);
    then(nowMs, answer);
  }
}
