/**
 * Bootstrap-Request and Bootstrap-Pack-Request: who asks, what it is to have, and the answer. What is refused is answered
 * with the code and the reason, and recorded. OMA LwM2M Core 1.1 §6.1.7.1, Core 1.2 §6.1.7.7.
 */
import { Code, type CoapResponse, formatCode, OptionNumber, uintOption, uintValue, uriQuery } from '@cluster/coap';
import { refusal, unavailable, type WorkerClock } from '@cluster/coap-kit';
import { bootstrapPack, type BootstrapRequestResult, ContentError, type ObjectModel, parseBootstrapRequest, parsePackRequest, parsePath, type ResourceValue } from '@cluster/lwm2m';
import {
  type BootstrapDesk, BootstrapSession, type DeviceNumber, FlightRecord, type Prepared, type Provision, type Rng, type SessionHead,
} from '@cluster/session';
import type { Logger } from '@cluster/telemetry';
import type { Received } from './received.ts';
import type { Recorder } from './recorder.ts';
import { type Refused, type Refusals, sessionHead } from './refusals.ts';
import type { SessionRunner } from './session-runner.ts';

interface Deps {
  readonly desk: Pick<BootstrapDesk, 'prepare'>;
  readonly runner: SessionRunner;
  readonly recorder: Pick<Recorder, 'keep'>;
  readonly refusals: Refusals;
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

export class BootstrapRequests {
  readonly #deps: Deps;
  /** Requests that are being looked at: they count as sessions. */
  #preparing = 0;

  constructor(deps: Deps) {
    this.#deps = deps;
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

  #begin(asked: Asked, received: Received, { endpoint, number, tenant, provision }: Extract<Prepared, { kind: 'provision' }>): void {
    const { model, runner, respond, begins, clock, rng } = this.#deps;
    const startedAtMs = clock.storeMs();
    const head = { ...sessionHead(endpoint, received, startedAtMs, rng), ...configured(provision, tenant) };
    const session = new BootstrapSession({ head, provision, preferredFormat: asked.preferredFormat, model, startedAtMs });
    session.record.asked({ operation: 'request', path: PATHS.request, code: formatCode(Code.CHANGED) }, startedAtMs);
    respond(received.exchange, { code: Code.CHANGED });
    begins(endpoint, number);
    runner.start({ peer: received.peer, endpoint, number, session });
  }

  /** All at once, with no command to follow. */
  #pack(asked: Asked, received: Received, { endpoint, number, tenant, provision }: Extract<Prepared, { kind: 'provision' }>): void {
    const { model, recorder, respond, clock, rng } = this.#deps;
    const nowMs = clock.storeMs();
    const format = asked.preferredFormat!;
    const record = new FlightRecord({ ...sessionHead(endpoint, received, nowMs, rng), ...configured(provision, tenant), lwm2mVersion: '1.2' }, nowMs);
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
    this.#refused(kind, received, response, { reason, detail, endpoint: asked.endpoint, number });
  }

  #malformed(kind: Kind, received: Received, { code, detail }: Extract<BootstrapRequestResult, { ok: false }>): void {
    this.#refused(kind, received, refusal(code, detail), { reason: 'malformed', detail });
  }

  #refused(operation: Kind, received: Received, response: CoapResponse, why: Pick<Refused, 'reason' | 'detail' | 'endpoint' | 'number'>): void {
    this.#deps.respond(received.exchange, response);
    this.#deps.refusals.record(received, { operation, path: PATHS[operation], code: response.code, ...why });
  }
}

function configured({ configuration, revision }: Provision, tenant: string | undefined): Pick<SessionHead, 'configuration' | 'revision' | 'tenant'> {
  return { configuration, revision, ...(tenant === undefined ? {} : { tenant }) };
}

function valuesOf({ writes }: Provision): ResourceValue[] {
  return writes.flatMap(({ path, resources }) => {
    const base = parsePath(path) ?? [];
    return resources.map(({ id, instance, type, value }) => ({ path: [...base, id, ...(instance === undefined ? [] : [instance])], type, value }));
  });
}
