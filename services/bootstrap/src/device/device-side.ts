/** The side of the bootstrap service that devices see: CoAP in plain and over DTLS, sessions, and EST. */
import { type CoapResponse } from '@cluster/coap';
import { CoapFront, type DtlsSecurity, type EstResource, listen, type OpenSockets, SystemRng, WorkerClock } from '@cluster/coap-kit';
import type { Config } from '@cluster/config';
import { DEFAULT_TENANT } from '@cluster/contracts';
import type { EventPublisher } from '@cluster/events';
import type { ObjectModel } from '@cluster/lwm2m';
import { type BootstrapDesk, type BootstrapSessionStore, type ClusterStore, decodeSession, type DeviceNumber, type SessionStore } from '@cluster/session';
import type { Logger, Metrics } from '@cluster/telemetry';
import { addressesApart, associationsApart } from './apart.ts';
import { CutSessions } from './cut-sessions.ts';
import { OtherProcesses } from './other-processes.ts';
import { Recorder } from './recorder.ts';
import { Refusals } from './refusals.ts';
import { BootstrapRequests } from './requests.ts';
import { Router } from './router.ts';
import { SessionRunner } from './session-runner.ts';
import { StoreClock } from './store-clock.ts';

/** What devices are served with. All of it stays the caller's. */
export interface DeviceSideDeps {
  readonly sessions: SessionStore;
  readonly cluster: ClusterStore;
  readonly records: BootstrapSessionStore;
  readonly desk: BootstrapDesk;
  /** Undefined: no certificates are issued. */
  readonly est?: EstResource | undefined;
  /** Without it no DTLS is served. */
  readonly security?: DtlsSecurity | undefined;
  readonly publisher: EventPublisher;
  readonly model: ObjectModel;
  readonly metrics: Metrics;
  readonly log: Logger;
}

const START_RETRY_MS = 1_000;

export class DeviceSide {
  readonly #front: CoapFront;
  readonly #sockets: OpenSockets;
  readonly #clock: StoreClock;
  readonly #recorder: Recorder;
  readonly #others: OtherProcesses;
  readonly #cut: CutSessions;
  readonly #runner: SessionRunner;
  readonly #log: Logger;
  #closed = false;

  private constructor(parts: { front: CoapFront; sockets: OpenSockets; clock: StoreClock; recorder: Recorder; others: OtherProcesses; cut: CutSessions; runner: SessionRunner; log: Logger }) {
    this.#front = parts.front;
    this.#sockets = parts.sockets;
    this.#clock = parts.clock;
    this.#recorder = parts.recorder;
    this.#others = parts.others;
    this.#cut = parts.cut;
    this.#runner = parts.runner;
    this.#log = parts.log;
  }

  /** Opens the ports; the store need not be there yet. Rejects if a port is taken. */
  static async open(config: Config, deps: DeviceSideDeps): Promise<DeviceSide> {
    const { sessions, cluster, records, desk, est, security, publisher, model, metrics, log } = deps;
    const clock = new WorkerClock();
    const rng = new SystemRng();
    const apart = security && { ...security, store: associationsApart(security.store), onFiles: security.onFiles.bind(security) };
    const front = new CoapFront({ config, sessions: addressesApart(sessions), cluster, security: apart, clock, rng, metrics, use: 'bootstrap' });
    const { driver, peers } = front;
    const deviceOf = async (number: DeviceNumber) => {
      const [stored] = await sessions.load([number]);
      if (stored === undefined) return { tenant: DEFAULT_TENANT };
      const { endpoint, tenant } = decodeSession(stored.record);
      return { endpoint, tenant };
    };
    const recorder = new Recorder({ store: records, desk, publisher, deviceOf, encoding: config.eventEncoding, metrics, log });
    const maxTransmitWaitMs = config.maxTransmitWaitS * 1_000;
    const runner = new SessionRunner({ driver, peers, clock, rng, recorder, maxBodyBytes: config.maxBodyBytes, maxTransmitWaitMs });
    const others = new OtherProcesses(cluster, (endpoint) => runner.replace(endpoint));
    const cut = new CutSessions({ store: records, recorder, nowMs: () => clock.storeMs(), log });
    const respond = (exchange: number, response: CoapResponse) => driver.run((engine, nowMs) => engine.respond(nowMs, exchange, response));
    const reject = (exchange: number) => driver.run((engine, nowMs) => engine.reject(nowMs, exchange));
    const begins = (endpoint: string, number: DeviceNumber) => others.begins(endpoint, number);
    const refusals = new Refusals({ recorder, clock, rng });
    const requests = new BootstrapRequests({
      desk, runner, recorder, refusals, model, clock, rng, log, respond, begins, maxSessions: config.bootstrapMaxSessions,
    });
    const router = new Router({ requests, runner, est, peers, refusals, clock, respond, reject });
    driver.onEvents((events) => router.route(events));
    metrics.gauge('lwm2m_bootstrap_sessions', 'Bootstrap sessions under way', () => runner.size);
    const sockets = await listen(front, { plain: config.noSec ? config.bootstrapCoapPort : undefined, secure: config.bootstrapCoapsPort }, config, metrics);
    front.attach(sockets.plain, sockets.secure);
    const side = new DeviceSide({ front, sockets, clock: new StoreClock(sessions, clock), recorder, others, cut, runner, log });
    await side.#clock.start();
    void side.#join();
    return side;
  }

  get coapPort(): number | undefined {
    return this.#sockets.plain?.port;
  }

  get coapsPort(): number | undefined {
    return this.#sockets.secure?.port;
  }

  /** Whether the store answers. */
  get ready(): boolean {
    return this.#clock.answers;
  }

  /** Takes no more messages. Sessions under way are the devices' to begin anew; what is over is written first. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#clock.stop();
    this.#cut.stop();
    this.#runner.close();
    await this.#others.stop();
    await this.#front.dtls?.revocation.stop();
    this.#front.close();
    await this.#sockets.plain?.close();
    await this.#sockets.secure?.close();
    await this.#recorder.close();
  }

  /** Hears of revoked credentials and of other processes as soon as the store is there. */
  async #join(): Promise<void> {
    while (!this.#closed) {
      try {
        await this.#front.dtls?.revocation.start();
        await this.#others.start();
        await this.#cut.start();
        return;
      } catch (err) {
        this.#log.warn({ err }, 'the store is not there yet');
        await new Promise((resolve) => setTimeout(resolve, START_RETRY_MS).unref());
      }
    }
  }
}
