/** Records requests that were refused: of bootstrap, of packs, and of certificates. */
import { formatCode } from '@cluster/coap';
import { TokenBucket, type WorkerClock } from '@cluster/coap-kit';
import type { BootstrapFailure, BootstrapStep } from '@cluster/contracts';
import { type DeviceNumber, FlightRecord, type Rng, type SessionHead } from '@cluster/session';
import type { Received } from './received.ts';
import type { Recorder } from './recorder.ts';
import { newSessionId } from './session-id.ts';

export interface Refused {
  readonly operation: BootstrapStep['operation'];
  readonly path: string;
  /** CoAP code of the answer. */
  readonly code: number;
  readonly reason: BootstrapFailure;
  readonly detail: string;
  /** As it called itself; empty where it did not. */
  readonly endpoint?: string | undefined;
  /** The device that it is about, where there is one. */
  readonly number?: DeviceNumber | undefined;
}

interface Deps {
  readonly recorder: Pick<Recorder, 'refused'>;
  readonly clock: WorkerClock;
  readonly rng: Rng;
}

/** Anybody can ask for nonsense: so many refusals are recorded, others only answered. */
const RECORDED_PER_S = 100;

export class Refusals {
  readonly #deps: Deps;
  readonly #allowed: TokenBucket;

  constructor(deps: Deps) {
    this.#deps = deps;
    this.#allowed = new TokenBucket(RECORDED_PER_S, () => deps.clock.monotonicMs());
  }

  record(received: Received, { operation, path, code, reason, detail, endpoint = '', number }: Refused): void {
    if (!this.#allowed.take()) return;
    const { recorder, clock, rng } = this.#deps;
    const nowMs = clock.storeMs();
    const record = new FlightRecord(sessionHead(endpoint, received, nowMs, rng), nowMs);
    record.asked({ operation, path, code: formatCode(code) }, nowMs);
    record.ended('failed', nowMs, { reason, detail });
    recorder.refused(record.view, number);
  }
}

/** What is known of a session, or of a request that begins none, when it comes. */
export function sessionHead(endpoint: string, { peer, secure }: Received, nowMs: number, rng: Rng): SessionHead {
  return { id: newSessionId(nowMs, rng), endpoint, address: secure?.address ?? peer, ...(secure === undefined ? {} : { identity: secure.identity }) };
}
