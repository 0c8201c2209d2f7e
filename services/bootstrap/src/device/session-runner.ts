/** Drives bootstrap sessions over the CoAP engine: sends what each says next, and tells it what came. One for each device. */
import { contentFormat, type CoapEngine, type CoapEvent, type RequestFailure } from '@cluster/coap';
import { blocksFor, type SecurePeers, type WorkerClock } from '@cluster/coap-kit';
import type { BootstrapSession, DeviceNumber, Rng } from '@cluster/session';
import type { EngineDriver } from '@cluster/transport';
import type { Recorder } from './recorder.ts';

interface Deps {
  readonly driver: EngineDriver<CoapEngine>;
  readonly peers: SecurePeers;
  readonly clock: WorkerClock;
  readonly rng: Rng;
  readonly recorder: Pick<Recorder, 'begins' | 'keep'>;
  readonly maxBodyBytes: number;
  readonly maxTransmitWaitMs: number;
}

interface Live {
  readonly peer: string;
  readonly endpoint: string;
  readonly number: DeviceNumber;
  readonly session: BootstrapSession;
  messageId: number;
  /** What is under way, and when it is given up. */
  request: number | undefined;
  timer: NodeJS.Timeout | undefined;
}

/** The device is not there any more: nothing more is sent to it. */
const SILENT: ReadonlySet<RequestFailure> = new Set(['timeout', 'reset']);
const TOKEN_BYTES = 8;
const LARGEST_BLOCK_BYTES = 1_024;

export class SessionRunner {
  readonly #deps: Deps;
  readonly #byEndpoint = new Map<string, Live>();
  readonly #byRequest = new Map<number, Live>();

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** Sessions under way. */
  get size(): number {
    return this.#byEndpoint.size;
  }

  /** Begins; a session of the same device that is under way gives way to it. */
  start(of: Pick<Live, 'peer' | 'endpoint' | 'number' | 'session'>): void {
    this.replace(of.endpoint);
    const live: Live = { ...of, messageId: this.#deps.rng.uint32() & 0xffff, request: undefined, timer: undefined };
    this.#byEndpoint.set(of.endpoint, live);
    this.#deps.recorder.begins(of.session.record.view, of.number);
    this.#goOn(live);
  }

  /** Sends nothing more. What is under way is the devices' to begin anew. */
  close(): void {
    for (const live of [...this.#byEndpoint.values()]) this.#stop(live, 'cut');
  }

  /** The device asked anew, here or at another process. */
  replace(endpoint: string): void {
    const live = this.#byEndpoint.get(endpoint);
    if (live !== undefined) this.#stop(live, 'replaced');
  }

  #stop(live: Live, outcome: 'replaced' | 'cut'): void {
    this.#withdraw(live);
    live.session.stopped(outcome, this.#deps.clock.storeMs());
    this.#over(live);
  }

  /** What came of requests of ours. */
  ended(event: Extract<CoapEvent, { kind: 'response' | 'failed' }>): void {
    const live = this.#byRequest.get(event.request);
    if (live === undefined) return;
    this.#settle(live);
    const nowMs = this.#deps.clock.storeMs();
    if (event.kind === 'failed') live.session.failed(event.reason, SILENT.has(event.reason), nowMs);
    else live.session.answered({ code: event.message.code, contentFormat: contentFormat(event.message), payload: event.message.payload }, nowMs);
    this.#goOn(live);
  }

  #goOn(live: Live): void {
    const { driver, clock, maxBodyBytes, maxTransmitWaitMs } = this.#deps;
    const step = live.session.next(clock.storeMs());
    if (step.kind === 'ended') return this.#over(live);
    const { code, options, payload } = step.command;
    live.request = driver.run((engine, nowMs) =>
      engine.request(nowMs, {
        peer: live.peer, token: this.#token(), messageId: nextMessageId(live), nextMessageId: () => nextMessageId(live), code, options, maxBodyBytes,
        ...(payload !== undefined && { payload }),
        ...blocksFor(this.#deps.peers.live(live.peer)),
        maxTransmitWaitMs: Math.min(maxTransmitWaitMs, step.leftMs),
      }),
    );
    this.#byRequest.set(live.request, live);
    // A device may acknowledge a command and then never answer it; one in blocks takes as long as it takes.
    const isLarge = (payload?.length ?? 0) > LARGEST_BLOCK_BYTES;
    live.timer = setTimeout(() => this.#timedOut(live), isLarge ? step.leftMs : Math.min(maxTransmitWaitMs, step.leftMs));
  }

  #timedOut(live: Live): void {
    this.#withdraw(live);
    live.session.failed('timeout', true, this.#deps.clock.storeMs());
    this.#goOn(live);
  }

  #withdraw(live: Live): void {
    const { request } = live;
    if (request !== undefined) this.#deps.driver.run((engine) => engine.cancel(request));
    this.#settle(live);
  }

  #settle(live: Live): void {
    if (live.request !== undefined) this.#byRequest.delete(live.request);
    live.request = undefined;
    clearTimeout(live.timer);
  }

  #over(live: Live): void {
    if (this.#byEndpoint.get(live.endpoint) === live) this.#byEndpoint.delete(live.endpoint);
    this.#deps.recorder.keep(live.session.record.view, live.number);
  }

  #token(): Uint8Array {
    const token = new Uint8Array(TOKEN_BYTES);
    const view = new DataView(token.buffer);
    view.setUint32(0, this.#deps.rng.uint32());
    view.setUint32(4, this.#deps.rng.uint32());
    return token;
  }
}

function nextMessageId(live: Live): number {
  live.messageId = (live.messageId + 1) & 0xffff;
  return live.messageId;
}
