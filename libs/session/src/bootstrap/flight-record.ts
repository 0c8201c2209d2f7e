/** Keeps what happened in one bootstrap session, step by step. */
import { formatCode } from '@cluster/coap';
import type { BootstrapOutcome, BootstrapSessionView, BootstrapStep } from '@cluster/contracts';
import type { BootstrapCommand } from '@cluster/lwm2m';

/** What is known of a session when it begins. */
export type SessionHead = Omit<BootstrapSessionView, 'steps' | 'startedAt' | 'endedAt' | 'outcome' | 'reason'>;

/** A device that answers oddly must not make the record grow without end. */
const MAX_STEPS = 200;
const MAX_DETAIL = 200;

export class FlightRecord {
  readonly #head: SessionHead;
  readonly #startedAtMs: number;
  readonly #steps: BootstrapStep[] = [];
  #lwm2mVersion: string | undefined;
  #ended: Pick<BootstrapSessionView, 'outcome' | 'reason' | 'detail' | 'endedAt'> = { outcome: 'running' };

  constructor(head: SessionHead, startedAtMs: number) {
    this.#head = head;
    this.#startedAtMs = startedAtMs;
  }

  get view(): BootstrapSessionView {
    const version = this.#lwm2mVersion;
    return {
      ...this.#head, ...(version !== undefined && { lwm2mVersion: version }),
      startedAt: time(this.#startedAtMs), ...this.#ended, steps: [...this.#steps],
    };
  }

  /** The client told its enabler. */
  version(told: string): void {
    this.#lwm2mVersion = told;
  }

  /** The device's own request and our answer to it. */
  asked(step: Pick<BootstrapStep, 'operation' | 'path'> & Partial<BootstrapStep>, nowMs: number): void {
    this.#add({ ...step, sentAt: time(this.#startedAtMs), answeredAt: time(nowMs) });
  }

  sent({ operation, path, contentFormat, payload }: BootstrapCommand, nowMs: number, values?: BootstrapStep['values']): void {
    this.#add({
      operation, path, sentAt: time(nowMs),
      ...(contentFormat !== undefined && { contentFormat }),
      ...(payload !== undefined && { bytes: payload.length }),
      ...(values !== undefined && { values }),
    });
  }

  answered(code: number, nowMs: number, told: Partial<BootstrapStep> = {}): void {
    this.#amend({ answeredAt: time(nowMs), code: formatCode(code), ...told });
  }

  unanswered(why: string, nowMs: number): void {
    this.#amend({ answeredAt: time(nowMs), detail: why });
  }

  ended(outcome: BootstrapOutcome, nowMs: number, why?: Pick<BootstrapSessionView, 'reason' | 'detail'>): void {
    this.#ended = { outcome, endedAt: time(nowMs), ...(why?.reason && { reason: why.reason }), ...(why?.detail && { detail: why.detail.slice(0, MAX_DETAIL) }) };
  }

  #add(step: BootstrapStep): void {
    if (this.#steps.length < MAX_STEPS) this.#steps.push(step);
  }

  #amend(told: Partial<BootstrapStep>): void {
    const last = this.#steps.length - 1;
    const step = this.#steps[last];
    if (step !== undefined) this.#steps[last] = { ...step, ...told, ...(told.detail && { detail: told.detail.slice(0, MAX_DETAIL) }) };
  }
}

function time(ms: number): string {
  return new Date(ms).toISOString();
}
