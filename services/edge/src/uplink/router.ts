/** Sends each CoAP event of a tick to its handler, and the steps that come of it to the devices, all at once. */
import { Code, uriPath, type CoapEvent } from '@cluster/coap';
import { type EstResource, refusal, unavailable } from '@cluster/coap-kit';
import type { DeviceSteps, Step } from '../device-steps.ts';
import { storeCause } from '../refusal-causes.ts';
import { refusalOf } from '../session-change.ts';
import type { Traces } from '../traces.ts';
import { notificationStep, type DownlinkSide } from './notification.ts';
import { FILES, type FileServer } from '../files/file-server.ts';
import { registerSteps } from './register.ts';
import { sendSteps } from './send.ts';
import { deregisterStep, updateStep } from './update.ts';
import type { Received, Uplink } from './uplink.ts';

type RequestEvent = Extract<CoapEvent, { kind: 'request' }>;

/** Takes the uplink events of one tick; answers to our own requests are the downlink's. */
export class Router {
  readonly #uplink: Uplink;
  readonly #downlink: DownlinkSide;
  readonly #steps: DeviceSteps;
  readonly #traces: Traces;
  readonly #files: FileServer | undefined;

  constructor(uplink: Uplink, downlink: DownlinkSide, steps: DeviceSteps, traces: Traces, files: FileServer | undefined) {
    this.#files = files;
    this.#traces = traces;
    this.#uplink = uplink;
    this.#downlink = downlink;
    this.#steps = steps;
  }

  route(events: readonly CoapEvent[]): void {
    const steps: Step[] = [];
    const registers: Received[] = [];
    const sends: Received[] = [];
    for (const event of events) {
      if (event.kind !== 'request' && event.kind !== 'unsolicited') continue;
      this.#traces.arrived(event);
      if (event.kind === 'unsolicited') add(steps, notificationStep(this.#uplink, this.#downlink, event));
      else this.#request(event, steps, registers, sends);
    }
    if (steps.length > 0) this.#steps.run(steps);
    if (registers.length > 0) void this.#looked(registers, registerSteps);
    if (sends.length > 0) void this.#looked(sends, sendSteps);
  }

  /** Steps whose devices have to be looked up first. */
  async #looked(received: readonly Received[], steps: (uplink: Uplink, received: readonly Received[]) => Promise<Step[]>): Promise<void> {
    try {
      this.#steps.run(await steps(this.#uplink, received));
    } catch (error) {
      if (refusalOf(error) === undefined) this.#uplink.counters.failures.add(1);
      const cause = storeCause(error);
      for (const { exchange } of received) {
        this.#uplink.counters.refusedStep(cause);
        this.#uplink.respond(exchange, unavailable(() => this.#uplink.rng.uint32()));
      }
    }
  }

  #request(event: RequestEvent, steps: Step[], registers: Received[], sends: Received[]): void {
    const path = uriPath(event.message);
    const [resource, locationId, ...more] = path;
    const { code } = event.message;
    if (resource === FILES && this.#files !== undefined) return this.#files.handle(event);
    const { est } = this.#uplink;
    if (est?.serves(path)) return void this.#enrol(est, event);
    // Nothing that brings an event is begun while no broker would take it.
    if (!this.#uplink.publisher.available) return this.#unavailable(event);
    if (resource === 'dp' && locationId === undefined) this.#only(Code.POST, event, () => sends.push(event));
    else if (resource === 'rd' && locationId === undefined) this.#only(Code.POST, event, () => registers.push(event));
    else if (resource !== 'rd' || locationId === undefined || more.length > 0) this.#refuse(event, Code.NOT_FOUND);
    else if (code === Code.POST) add(steps, updateStep(this.#uplink, event, locationId));
    else if (code === Code.DELETE) add(steps, deregisterStep(this.#uplink, event, locationId));
    else this.#refuse(event, Code.METHOD_NOT_ALLOWED);
  }

  /** Certificates need no broker, and no session of this worker. */
  async #enrol(est: EstResource, { exchange, message, peer }: RequestEvent): Promise<void> {
    const { secure, clock } = this.#uplink;
    this.#uplink.respond(exchange, await est.answer(message, secure.live(peer), clock.storeMs()));
  }

  #only(code: number, event: RequestEvent, take: () => void): void {
    if (event.message.code === code) take();
    else this.#refuse(event, Code.METHOD_NOT_ALLOWED);
  }

  #unavailable(event: RequestEvent): void {
    this.#uplink.counters.refused('request', 'events');
    this.#uplink.respond(event.exchange, unavailable(() => this.#uplink.rng.uint32()));
  }

  #refuse(event: RequestEvent, code: number): void {
    this.#uplink.counters.refused('request', 'no-such-resource');
    this.#uplink.respond(event.exchange, refusal(code));
  }
}

function add(steps: Step[], step: Step | undefined): void {
  if (step !== undefined) steps.push(step);
}
