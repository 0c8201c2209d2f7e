/** One run from a seed: a cluster, devices and callers in all weathers, then a calm in which everything has to come to rest. */
import { Device } from './device.ts';
import { EventLog, type BrokerWeather } from './broker.ts';
import { faultsOf, labelsUntold, presenceTold } from './checks.ts';
import { MemoryStore } from './memory-store.ts';
import { Network, type NetworkWeather } from './network.ts';
import { Operator } from './operator.ts';
import { QueueRecord } from './queue-record.ts';
import { Random, sleep } from './random.ts';
import { StoreLink, type StoreWeather } from './store-link.ts';
import { WireRecord } from './wire-record.ts';
import { SimulatedWorker } from './worker.ts';

const STORM_MS = 300_000;
const CALM_MS = 340_000;
/** What was under way when the devices went silent is over by then. */
const REST_MS = 20_000;
const MAX_TRANSMIT_WAIT_S = 30;

export class Run {
  readonly random: Random;
  readonly log = new EventLog();
  readonly wire = new WireRecord();
  readonly queue = new QueueRecord();
  readonly devices: Device[];
  readonly operator: Operator;
  workers: SimulatedWorker[] = [];
  readonly #store = new MemoryStore();
  readonly #network: Network;
  readonly #networkWeather: NetworkWeather;
  readonly #storeWeather: StoreWeather;
  readonly #brokerWeather: BrokerWeather;
  readonly #links: StoreLink[] = [];
  readonly #settings: Record<string, string>;
  #named = 0;
  #stormy = true;

  constructor(seed: number) {
    this.random = new Random(seed);
    const { random } = this;
    this.#networkWeather = { loss: random.pick([0, 0, 0.05, 0.2]), duplication: random.pick([0, 0.1]), maxDelayMs: random.pick([5, 200, 1_000]) };
    this.#storeWeather = { away: false, maxLatencyMs: random.pick([2, 50]), failure: random.pick([0, 0.01, 0.05]), lostRings: random.pick([0, 0.3]) };
    this.#brokerWeather = { away: false, maxLatencyMs: random.pick([2, 200]), overdue: random.pick([0, 0.01]), full: random.pick([0, 0.02]) };
    this.#settings = {
      LWM2M_CACHE_SESSIONS: String(random.pick([1, 2, 100])),
      LWM2M_MAX_TRANSMIT_WAIT_S: String(MAX_TRANSMIT_WAIT_S),
      LWM2M_EXPIRY_GRACE_S: '20',
    };
    this.#network = new Network(this.#networkWeather, random, this.wire);
    this.#store.onWrite((write, entries) => this.queue.written(write, entries));
    const link = new StoreLink(this.#store, this.#storeWeather, random);
    this.#links.push(link);
    this.operator = new Operator(link, random);
    this.devices = Array.from({ length: random.between(1, 3) }, (_, i) => this.#newDevice(i));
  }

  /** Plays the run to its end; returns what was not as promised. */
  async play(): Promise<string[]> {
    for (let i = this.random.between(1, 3); i > 0; i--) this.#startWorker();
    for (const device of this.devices) device.boot();
    const storm = [this.#trouble(), ...this.devices.map((device) => this.#call(device))];
    await sleep(STORM_MS);
    this.#stormy = false;
    await Promise.all(storm);
    this.#calm();
    await sleep(CALM_MS / 2);
    // What a device kept through a new registration is known once it reports it.
    for (const device of this.devices) device.reportAll();
    await sleep(REST_MS);
    for (const device of this.devices) device.quiet = true;
    await sleep(CALM_MS / 2);
    const evidence = { events: this.log.events, devices: this.devices, submitted: this.operator.submitted, queue: this.queue, wire: this.wire };
    const faults = [...faultsOf(evidence), ...(await this.#unreconciled()), ...(await this.#presenceUntold()), ...(await this.#labelsUntold())];
    for (const device of this.devices) device.halt();
    await sleep(REST_MS);
    // A sweep that is just under way is over a little later.
    const left = this.#leftovers();
    await sleep(1_000);
    faults.push(...this.#leftovers().filter((fault) => left.includes(fault)));
    if (this.#store.waiting > 0) faults.push(`${this.#store.waiting} commands wait, as the tenants' accounts have it`);
    for (const worker of this.workers) worker.kill();
    return faults;
  }

  #newDevice(index: number): Device {
    const { random } = this;
    const habits = {
      queueMode: random.chance(0.3),
      lifetimeS: random.between(60, 120),
      // Told apart from notifications that the network lost only where it loses none.
      dropsUnacknowledged: this.#networkWeather.loss === 0 && random.chance(0.5),
      answersSeparately: random.chance(0.3),
      reportsEveryS: random.between(3, 20),
      listensMs: MAX_TRANSMIT_WAIT_S * 1_000,
    };
    return new Device(`device-${index}`, index, habits, this.#network, random);
  }

  #startWorker(): void {
    const { random } = this;
    const worker = new SimulatedWorker(`w${++this.#named}`, {
      store: this.#store, log: this.log, network: this.#network, storeWeather: this.#storeWeather, brokerWeather: this.#brokerWeather,
      random, settings: this.#settings,
    });
    this.workers.push(worker);
    this.#links.push(worker.link);
  }

  async #trouble(): Promise<void> {
    while (this.#stormy) {
      await sleep(this.random.between(1_000, 30_000));
      if (this.#stormy) await this.random.pick(this.#troubles)();
    }
  }

  readonly #troubles: readonly (() => unknown)[] = [
    () => this.#kill(),
    () => this.#kill(),
    () => this.#replaceInOrder(),
    () => this.workers.length < 4 && this.#startWorker(),
    () => this.#storeAway(),
    () => this.#brokersAway(),
    () => this.#cutOff(),
    () => this.#reroute(),
    () => this.#reroute(),
    () => this.#device().rebind(),
    () => this.#device().boot(),
    () => this.#device().deregister(),
    () => this.#device().updateOldLocation(),
    () => this.#offForLong(),
    () => this.operator.drop(this.#device()),
    () => this.operator.template(this.devices),
    () => this.operator.profile(this.#device()),
    () => this.operator.template(this.devices),
  ];

  #device(): Device {
    return this.random.pick(this.devices);
  }

  #reroute(): void {
    this.#network.reroute(this.#device().address);
  }

  async #kill(): Promise<void> {
    const [worker] = this.workers.splice(this.random.between(0, this.workers.length - 1), 1);
    worker?.kill();
    await sleep(this.random.between(0, 15_000));
    if (this.workers.length === 0 || this.random.chance(0.7)) this.#startWorker();
  }

  async #replaceInOrder(): Promise<void> {
    const [worker] = this.workers.splice(this.random.between(0, this.workers.length - 1), 1);
    this.#startWorker();
    await worker?.close();
  }

  async #storeAway(): Promise<void> {
    this.#storeWeather.away = true;
    for (const link of this.#links) link.changed();
    await sleep(this.random.between(500, 100_000));
    this.#storeWeather.away = false;
    for (const link of this.#links) link.changed();
  }

  async #brokersAway(): Promise<void> {
    this.#brokerWeather.away = true;
    await sleep(this.random.between(500, 150_000));
    this.#brokerWeather.away = false;
  }

  /** One worker alone loses the store or the brokers, for a while. */
  async #cutOff(): Promise<void> {
    if (this.workers.length === 0) return;
    const worker = this.random.pick(this.workers);
    const fromStore = this.random.chance(0.6);
    if (fromStore) worker.link.cut(true);
    else worker.publisher.cut = true;
    await sleep(this.random.between(1_000, 40_000));
    worker.link.cut(false);
    worker.publisher.cut = false;
  }

  async #offForLong(): Promise<void> {
    const device = this.#device();
    device.halt();
    void sleep(this.random.between(1_000, 200_000)).then(() => device.on || device.retired || device.boot());
  }

  async #call(device: Device): Promise<void> {
    while (this.#stormy) {
      await sleep(this.random.between(100, 25_000));
      if (this.random.chance(0.15)) await this.operator.observe(device);
      else if (this.random.chance(0.18)) await this.operator.label(device);
      else for (let i = this.random.between(1, 4); i > 0; i--) await this.operator.submit(device);
    }
  }

  #calm(): void {
    Object.assign(this.#networkWeather, { loss: 0, duplication: 0, maxDelayMs: 5 });
    Object.assign(this.#storeWeather, { failure: 0, lostRings: 0 });
    Object.assign(this.#brokerWeather, { overdue: 0, full: 0 });
    while (this.workers.length < 2) this.#startWorker();
    for (const device of this.devices) {
      if (this.random.chance(0.15)) this.#retire(device);
      else if (!device.on) device.boot();
    }
  }

  /** Never heard again: its registration and its commands have to end by themselves. */
  #retire(device: Device): void {
    device.halt();
    device.model.forget();
    device.retired = true;
  }

  /** Devices report what is desired, and nothing else. */
  async #unreconciled(): Promise<string[]> {
    const faults = this.devices.map(async ({ endpoint, model, retired }) => {
      const { state, muteSend } = (await this.operator.northbound.endpoint(endpoint)) ?? {};
      if (retired) return state === 'registered' ? [`${endpoint} is gone, but still registered`] : [];
      if (muteSend !== undefined && muteSend.state !== 'active') return [`${endpoint}: Mute Send is ${muteSend.state}`];
      const desired = (await this.operator.northbound.observations(endpoint)) ?? [];
      const wanted = desired.map(({ path, paths, state }) => `${path ?? paths?.join()} ${state}`).sort();
      const present = [...model.observations.values()].map(({ paths }) => `${paths.join()} active`).sort();
      return JSON.stringify(wanted) === JSON.stringify(present) ? [] : [`${endpoint}: observes ${present.join(', ')}; desired: ${wanted.join(', ')}`];
    });
    return (await Promise.all(faults)).flat();
  }

  /** In the end the log tells what REST shows of a device's presence. */
  async #presenceUntold(): Promise<string[]> {
    const faults = this.devices.map(async ({ endpoint }) => {
      const before = presenceTold(endpoint, this.log.events);
      const shown = (await this.operator.northbound.endpoint(endpoint))?.presence.state ?? 'unknown';
      // What is stored is told a moment later.
      await sleep(1_000);
      const told = presenceTold(endpoint, this.log.events);
      return [before, told, 'unknown'].includes(shown) ? [] : [`${endpoint} is ${shown}, and told to be ${told}`];
    });
    return (await Promise.all(faults)).flat();
  }

  async #labelsUntold(): Promise<string[]> {
    const faults = this.devices.map(async ({ endpoint }) => {
      const { labels = {} } = (await this.operator.northbound.profile(endpoint)) ?? {};
      return labelsUntold(endpoint, labels, this.log.events);
    });
    return (await Promise.all(faults)).flat();
  }

  #leftovers(): string[] {
    return this.workers.flatMap((worker) =>
      Object.entries(worker.leftovers()).filter(([, count]) => count > 0).map(([name, count]) => `${worker.name} holds ${count} ${name}`),
    );
  }
}
