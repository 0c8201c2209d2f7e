/**
 * Bootstrap-Request and Bootstrap-Pack-Request: who asks, what it is to have, and the answer. What is refused is answered
 * with the code and the reason, and recorded. OMA LwM2M Core 1.1 §6.1.7.1, Core 1.2 §6.1.7.7.
 */
import { Code, type CoapResponse, formatCode, OptionNumber, uintOption, uintValue, uriQuery } from '@cluster/coap';
import { refusal, type SecurePeer, TokenBucket, unavailable, type WorkerClock } from '@cluster/coap-kit';
import type { BootstrapFailure } from '@cluster/contracts';
import { bootstrapPack, type BootstrapRequestResult, ContentError, type ObjectModel, parseBootstrapRequest, parsePackRequest, parsePath, type ResourceValue } from '@cluster/lwm2m';
import {
  type BootstrapDesk, BootstrapSession, type DeviceNumber, FlightRecord, type Prepared, type Provision, type Rng, type SessionHead,
} from '@cluster/session';
import type { Logger } from '@cluster/telemetry';
import type { Received } from './received.ts';
import type { Recorder } from './recorder.ts';
import { newSessionId } from './session-id.ts';
import type { SessionRunner } from './session-runner.ts';

interface Deps {
  readonly desk: Pick<BootstrapDesk, 'prepare'>;
  readonly runner: SessionRunner;
  readonly recorder: Pick<Recorder, 'keep' | 'refused'>;
  readonly model: ObjectModel;
  readonly clock: WorkerClock;
  readonly rng: Rng;
  readonly log: Logger;
  readonly maxSessions: number;
  readonly respond: (exchange: number, response: CoapResponse) => void;
  /** The device begins a session here: others that serve it elsewhere are to end theirs. */
  readonly begins: (endpoint: string, number: DeviceNumber) => void;
}

type Kind = 'request' | 'pack';
type Asked = Extract<BootstrapRequestResult, { ok: true }>;

const PATHS = { request: '/bs', pack: '/bspack' } as const;
const MAX_MAX_AGE_S = 0xffff_ffff;
/** Anybody can ask for nonsense: so many refusals are recorded, others only answered. */
const REFUSALS_RECORDED_PER_S = 100;

export class BootstrapRequests {
  readonly #deps: Deps;
  readonly #refusals: TokenBucket;
  /** Requests that are being looked at: they count as sessions. */
  #preparing = 0;

  constructor(deps: Deps) {
    this.#deps = deps;
    this.#refusals = new TokenBucket(REFUSALS_RECORDED_PER_S, () => deps.clock.monotonicMs());
  }

  receive(kind: Kind, received: Received): void {
    const { respond, runner, maxSessions, rng, log } = this.#deps;
    const queries = uriQuery(received.message);
    const asked = kind === 'pack' ? parsePackRequest(queries, uintOption(received.message, OptionNumber.ACCEPT)) : parseBootstrapRequest(queries);
    if (!asked.ok) return this.#malformed(kind, received, asked);
    const uint32 = () => rng.uint32();
    if (runner.size + this.#preparing >= maxSessions) return respond(received.exchange, unavailable(uint32));
    this.#preparing++;
    this.#prepare(kind, asked, received)
      .catch((err: unknown) => {
        log.debug({ err }, 'a bootstrap request was put off');
        respond(received.exchange, unavailable(uint32));
      })
      .finally(() => this.#preparing--);
  }

  async #prepare(kind: Kind, asked: Asked, received: Received): Promise<void> {
    const { desk, clock } = this.#deps;
    const { secure } = received;
    const nowMs = clock.storeMs();
    const prepared = await desk.prepare({
      endpoint: asked.endpoint, identity: secure?.credential, preferredFormat: asked.preferredFormat, nowMs,
      ...(kind === 'pack' ? { version: '1.2' as const } : asked.preferredFormat === undefined ? {} : { version: '1.1' as const }),
    });
    if (prepared.kind !== 'provision') return this.#refuse(kind, asked, received, prepared);
    if (kind === 'pack') return this.#pack(asked, received, prepared);
    this.#begin(asked, received, prepared);
  }

  #begin(asked: Asked, received: Received, { endpoint, number, provision }: Extract<Prepared, { kind: 'provision' }>): void {
    const { model, runner, respond, begins, clock } = this.#deps;
    const startedAtMs = clock.storeMs();
    const head = { ...this.#head(endpoint, received, startedAtMs), ...configured(provision) };
    const session = new BootstrapSession({ head, provision, preferredFormat: asked.preferredFormat, model, startedAtMs });
    session.record.asked({ operation: 'request', path: PATHS.request, code: formatCode(Code.CHANGED) }, startedAtMs);
    respond(received.exchange, { code: Code.CHANGED });
    begins(endpoint, number);
    runner.start({ peer: received.peer, endpoint, number, session });
  }

  /** All at once, with no command to follow. */
  #pack(asked: Asked, received: Received, { endpoint, number, provision }: Extract<Prepared, { kind: 'provision' }>): void {
    const { model, recorder, respond, clock } = this.#deps;
    const nowMs = clock.storeMs();
    const format = asked.preferredFormat!;
    const record = new FlightRecord({ ...this.#head(endpoint, received, nowMs), ...configured(provision), lwm2mVersion: '1.2' }, nowMs);
    const step = { operation: 'pack', path: PATHS.pack, contentFormat: format } as const;
    try {
      const payload = bootstrapPack(valuesOf(provision), format, model.lookup(new Map(), '1.2'));
      respond(received.exchange, { code: Code.CONTENT, options: [{ number: OptionNumber.CONTENT_FORMAT, value: uintValue(format) }], payload });
      record.asked({ ...step, code: formatCode(Code.CONTENT), bytes: payload.length }, nowMs);
      record.ended('finished', nowMs);
    } catch (error) {
      if (!(error instanceof ContentError)) throw error;
      respond(received.exchange, refusal(Code.NOT_ACCEPTABLE, error.message));
      record.asked({ ...step, code: formatCode(Code.NOT_ACCEPTABLE) }, nowMs);
      record.ended('failed', nowMs, { reason: 'write-impossible', detail: error.message });
    }
    recorder.keep(record.view, number);
  }

  /** OMA Transport 1.1.1 §6.4.2: 4.00 for who is unknown or somebody else; who may come later is told when. */
  #refuse(kind: Kind, asked: Asked, received: Received, { kind: reason, detail, retryAfterS, number }: Exclude<Prepared, { kind: 'provision' }>): void {
    const later = retryAfterS !== undefined;
    const response = later
      ? { code: Code.SERVICE_UNAVAILABLE, options: [{ number: OptionNumber.MAX_AGE, value: uintValue(Math.min(MAX_MAX_AGE_S, retryAfterS)) }] }
      : refusal(Code.BAD_REQUEST, detail);
    this.#refused(kind, asked.endpoint ?? '', received, response, { reason, detail }, number);
  }

  #malformed(kind: Kind, received: Received, { code, detail }: Extract<BootstrapRequestResult, { ok: false }>): void {
    this.#refused(kind, '', received, refusal(code, detail), { reason: 'malformed', detail });
  }

  #refused(kind: Kind, endpoint: string, received: Received, response: CoapResponse, why: { reason: BootstrapFailure; detail: string }, number?: DeviceNumber): void {
    const nowMs = this.#deps.clock.storeMs();
    this.#deps.respond(received.exchange, response);
    if (!this.#refusals.take()) return;
    const record = new FlightRecord(this.#head(endpoint, received, nowMs), nowMs);
    record.asked({ operation: kind, path: PATHS[kind], code: formatCode(response.code) }, nowMs);
    record.ended('failed', nowMs, why);
    this.#deps.recorder.refused(record.view, number);
  }

  #head(endpoint: string, { peer, secure }: Received, nowMs: number): SessionHead {
    return { id: newSessionId(nowMs, this.#deps.rng), endpoint, address: secure?.address ?? peer, ...identityOf(secure) };
  }
}

function identityOf(secure: SecurePeer | undefined): Pick<SessionHead, 'identity'> {
  return secure === undefined ? {} : { identity: secure.identity };
}

function configured({ configuration, revision }: Provision): Pick<SessionHead, 'configuration' | 'revision'> {
  return { configuration, revision };
}

function valuesOf({ writes }: Provision): ResourceValue[] {
  return writes.flatMap(({ path, resources }) => {
    const base = parsePath(path) ?? [];
    return resources.map(({ id, instance, type, value }) => ({ path: [...base, id, ...(instance === undefined ? [] : [instance])], type, value }));
  });
}
