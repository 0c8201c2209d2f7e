/** A worker of a run: the real parts on simulated links, which can be killed at any moment. */
import type { Datagram } from '@cluster/coap';
import { loadConfig } from '@cluster/config';
import { ObjectModel } from '@cluster/lwm2m';
import { ddfDirectory } from '@cluster/lwm2m/ddf-directory';
import { createLogger, Metrics } from '@cluster/telemetry';
import { assemble, type Parts } from '../assemble.ts';
import { liveOn, type Edge } from '../edge.ts';
import { SimulatedPublisher, type BrokerWeather, type EventLog } from './broker.ts';
import type { MemoryStore } from './memory-store.ts';
import type { Network, WorkerEnd } from './network.ts';
import type { Random } from './random.ts';
import { StoreLink, type Passing, type StoreWeather } from './store-link.ts';

/** What all workers of a run share. */
export interface Shared {
  readonly store: MemoryStore;
  readonly log: EventLog;
  readonly network: Network;
  readonly storeWeather: StoreWeather;
  readonly brokerWeather: BrokerWeather;
  readonly random: Random;
  readonly settings: Readonly<Record<string, string>>;
}

const model = new ObjectModel(ddfDirectory());
const log = createLogger({ service: 'edge', level: 'silent' });

export class SimulatedWorker {
  readonly name: string;
  readonly parts: Parts;
  readonly link: StoreLink;
  readonly publisher: SimulatedPublisher;
  readonly metrics = new Metrics();
  readonly #edge: Edge;
  readonly #end: WorkerEnd;
  readonly #network: Network;
  #dead = false;

  constructor(name: string, shared: Shared, passing: Passing = () => {}) {
    const { random, network } = shared;
    this.name = name;
    this.#network = network;
    this.link = new StoreLink(shared.store, shared.storeWeather, random, passing);
    this.publisher = new SimulatedPublisher(shared.log, shared.brokerWeather, random, passing);
    const { store } = this.link;
    const deps = {
      sessions: store, cluster: store, store: this.link, publisher: this.publisher, model, metrics: this.metrics, log,
      rng: random, newId: random.id,
    };
    const config = loadConfig({ ...shared.settings, LWM2M_WORKER_ID: name }, { kind: 'standalone' });
    this.parts = assemble(config, deps);
    const send = (datagrams: readonly { peer: string; bytes: Uint8Array }[]) => {
      for (const { peer, bytes } of datagrams) {
        passing('before a datagram leaves');
        if (this.#dead) return;
        network.toDevice(name, peer, bytes.slice());
        passing('after a datagram left');
      }
    };
    this.#edge = liveOn(deps, this.parts, { plain: { port: 5683, send, close: async () => {} }, secure: undefined });
    const receive = (datagrams: readonly Datagram[]) => {
      passing('before a datagram is taken');
      if (!this.#dead) this.parts.driver.receive(datagrams);
    };
    this.#end = { name, receive };
    network.join(this.#end);
  }

  /** No more of it happens but what left already. */
  kill(): void {
    this.#dead = true;
    this.#network.leave(this.#end);
    this.link.die();
    this.publisher.die();
    this.parts.driver.close();
    // Their promises wait for a store that does not answer any more; their timers are gone.
    void this.parts.dispatcher.close();
    void this.parts.sweeper.stop();
    void this.parts.lease.stop();
  }

  /** Ends in order: takes no more messages, lets what is under way end. */
  async close(): Promise<void> {
    this.#network.leave(this.#end);
    await this.#edge.close();
  }

  /** What it still holds of what should be over, by name. */
  leftovers(): Record<string, number> {
    const { steps, dispatcher, refusals, driver } = this.parts;
    const { requests } = driver.run((engine) => engine.usage);
    return { busy: steps.busy, active: dispatcher.active, refused: refusals.size, requests };
  }
}
