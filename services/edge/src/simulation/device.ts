/** A simulated device: registers, updates, reports, answers, sleeps, reboots and moves; and keeps account of what it was told. */
import {
  Code, CoapEngine, locationPath, observeValue, OptionNumber, uintOption, uintValue, type CoapEvent, type CoapMessage, type CoapOption,
} from '@cluster/coap';
import { EngineDriver } from '@cluster/transport';
import { DeviceModel, text } from './device-model.ts';
import { SERVER, type Network } from './network.ts';
import { Notifier } from './notifier.ts';
import { sleep, type Random } from './random.ts';

export interface DeviceHabits {
  readonly queueMode: boolean;
  readonly lifetimeS: number;
  readonly dropsUnacknowledged: boolean;
  /** Acknowledges requests first and answers by messages of their own. */
  readonly answersSeparately: boolean;
  /** Seconds between reports, roughly. */
  readonly reportsEveryS: number;
  /** How long a queue-mode device listens after its last message. */
  readonly listensMs: number;
}

/** What the server acknowledged, by content. */
export interface Account {
  /** Locations in the order in which they were told. */
  readonly locations: string[];
  /** SMS numbers of the Updates answered by 2.04. */
  readonly updates: string[];
  readonly deregistered: string[];
  readonly notified: number[];
  readonly sent: number[];
  /** Answers to Updates of locations that were replaced. */
  readonly toOldLocations: number[];
}

const ACK_TIMEOUT_MS = 700;
const LINKS = '</>;rt="oma.lwm2m";ct="110",</1/0>,</3/0>,</3303/0>,</3303/1>,</5/0>';

export class Device {
  readonly endpoint: string;
  readonly habits: DeviceHabits;
  readonly model = new DeviceModel();
  readonly account: Account = { locations: [], updates: [], deregistered: [], notified: [], sent: [], toOldLocations: [] };
  address = '';
  location: string | undefined;
  on = false;
  /** Never comes back. */
  retired = false;
  /** Reports no more, so that a run can come to rest. */
  quiet = false;
  readonly #network: Network;
  readonly #random: Random;
  #unplug: () => void = () => {};
  #driver: EngineDriver<CoapEngine> | undefined;
  #notifier: Notifier | undefined;
  #waiting = new Map<number, (answer: CoapMessage | undefined) => void>();
  #messageId = 0;
  #token = 0;
  #port: number;
  /** What an Update is recognised by in the log. */
  #smsNumber: number;
  #life = 0;
  #awakeUntilMs = 0;

  constructor(endpoint: string, index: number, habits: DeviceHabits, network: Network, random: Random) {
    this.endpoint = endpoint;
    this.habits = habits;
    this.#network = network;
    this.#random = random;
    this.#port = 10_000 * (index + 1);
    this.#smsNumber = 49_000_000 + 100_000 * index;
  }

  get awake(): boolean {
    return this.on && (!this.habits.queueMode || Date.now() < this.#awakeUntilMs);
  }

  /** Switches the device on, with nothing but its name; in its former life it may have been registered. */
  boot(): void {
    this.halt();
    this.on = true;
    this.location = undefined;
    this.model.forget();
    this.#messageId = this.#random.between(0, 0xffff);
    this.#token = this.#random.between(0, 0xffff);
    const parameters = { ackTimeoutMs: ACK_TIMEOUT_MS, ...(this.habits.answersSeparately ? { separateAfterMs: 100 } : {}) };
    const driver = new EngineDriver(new CoapEngine({ rng: this.#random, parameters }));
    driver.attach({ send: (datagrams) => datagrams.forEach(({ bytes }) => this.#send(bytes)) });
    driver.onEvents((events) => events.forEach((event) => this.#happened(event)));
    this.#driver = driver;
    this.#notifier = new Notifier({
      model: this.model, random: this.#random, dropsUnacknowledged: this.habits.dropsUnacknowledged,
      nextMessageId: () => this.#nextMessageId(),
      send: (bytes) => this.#send(bytes),
      acknowledged: (value) => this.account.notified.push(value),
    });
    this.rebind();
    void this.#stayRegistered(this.#life);
    void this.#report(this.#life);
  }

  /** Pulls the plug. */
  halt(): void {
    this.#life++;
    this.on = false;
    this.#driver?.close();
    this.#notifier?.stop();
    this.#waiting.clear();
    this.#unplug();
  }

  /** The NAT gives another address; the device does not know. */
  rebind(): void {
    this.#unplug();
    this.address = `udp:198.51.100.7:${++this.#port}`;
    this.#unplug = this.#network.plug(this.address, (bytes) => this.#receive(bytes));
  }

  async deregister(): Promise<void> {
    const { location } = this;
    if (!this.on || location === undefined) return;
    const life = this.#life;
    const answer = await this.#request(Code.DELETE, pathOf(location));
    if (life !== this.#life) return;
    if (answer?.code === Code.DELETED) this.account.deregistered.push(location);
    this.model.forget();
    this.location = undefined;
  }

  /** What a device does that took a backup of its state too literally. */
  async updateOldLocation(): Promise<void> {
    const { locations } = this.account;
    const old = locations.filter((l) => l !== locations.at(-1));
    if (!this.on || old.length === 0) return;
    const answer = await this.#request(Code.POST, pathOf(this.#random.pick(old)));
    if (answer !== undefined) this.account.toOldLocations.push(answer.code);
  }

  /** Reports every observation that it has, wanted or not. */
  reportAll(): void {
    for (const observed of this.on ? this.model.observations.values() : []) this.#notifier?.notify(observed);
  }

  /** POST /dp. */
  async send(): Promise<void> {
    if (!this.on || this.location === undefined) return;
    const value = this.model.nextValue();
    const options = [text(OptionNumber.URI_PATH, 'dp'), { number: OptionNumber.CONTENT_FORMAT, value: uintValue(110) }];
    const answer = await this.#request(Code.POST, options, this.model.report(['/3303/1/5700'], value));
    if (answer?.code === Code.CHANGED) this.account.sent.push(value);
  }

  async #stayRegistered(life: number): Promise<void> {
    while (life === this.#life) {
      const waitMs = this.location === undefined ? await this.#register(life) : await this.#update(life);
      await sleep(waitMs);
    }
  }

  /** Returns how long to wait then. */
  async #register(life: number): Promise<number> {
    // A new registration begins without observations. OMA LwM2M Core 1.2 §6.4.1
    this.model.forget();
    const { queueMode, lifetimeS } = this.habits;
    const queries = [`ep=${this.endpoint}`, `lt=${lifetimeS}`, 'lwm2m=1.1', 'b=U', ...(queueMode ? ['Q'] : [])];
    const options = [
      text(OptionNumber.URI_PATH, 'rd'),
      { number: OptionNumber.CONTENT_FORMAT, value: uintValue(40) },
      ...queries.map((query) => text(OptionNumber.URI_QUERY, query)),
    ];
    const answer = await this.#request(Code.POST, options, new TextEncoder().encode(LINKS));
    if (life !== this.#life) return 0;
    if (answer?.code !== Code.CREATED) return this.#pauseMs(answer);
    this.location = locationPath(answer)[1] ?? '';
    this.account.locations.push(this.location);
    return this.#untilUpdateMs();
  }

  async #update(life: number): Promise<number> {
    const location = this.location ?? '';
    const sms = String(++this.#smsNumber);
    const answer = await this.#request(Code.POST, [...pathOf(location), text(OptionNumber.URI_QUERY, `sms=${sms}`)]);
    if (life !== this.#life) return 0;
    if (answer?.code === Code.NOT_FOUND && this.location === location) {
      this.location = undefined;
      return 0;
    }
    if (answer?.code !== Code.CHANGED) return this.#pauseMs(answer);
    this.account.updates.push(sms);
    return this.#untilUpdateMs();
  }

  #untilUpdateMs(): number {
    return this.habits.lifetimeS * this.#random.between(300, 500);
  }

  /** 5.03 says when to come again. */
  #pauseMs(answer: CoapMessage | undefined): number {
    const maxAgeS = answer === undefined ? undefined : uintOption(answer, OptionNumber.MAX_AGE);
    return maxAgeS === undefined ? this.#random.between(500, 5_000) : maxAgeS * 1_000;
  }

  async #report(life: number): Promise<void> {
    for (;;) {
      await sleep(this.#random.between(500, this.habits.reportsEveryS * 2_000));
      if (life !== this.#life) return;
      if (this.quiet || this.location === undefined) continue;
      const observations = [...this.model.observations.values()];
      if (observations.length > 0 && this.#random.chance(0.7)) this.#notifier?.notify(this.#random.pick(observations));
      else if (this.#random.chance(0.5)) void this.send();
    }
  }

  #request(code: number, options: readonly CoapOption[], payload?: Uint8Array): Promise<CoapMessage | undefined> {
    const nextMessageId = () => this.#nextMessageId();
    const token = Buffer.alloc(4);
    token.writeUInt32BE(++this.#token);
    return new Promise((resolve) => {
      const sorted = options.toSorted((a, b) => a.number - b.number);
      const request = { peer: SERVER, token, messageId: nextMessageId(), nextMessageId, code, options: sorted, ...(payload === undefined ? {} : { payload }) };
      this.#driver?.run((engine, nowMs) => void this.#waiting.set(engine.request(nowMs, request), resolve));
    });
  }

  #happened(event: CoapEvent): void {
    if (event.kind === 'response' || event.kind === 'failed') {
      this.#waiting.get(event.request)?.(event.kind === 'response' ? event.message : undefined);
      this.#waiting.delete(event.request);
    } else if (event.kind === 'request') {
      void this.#answer(event.exchange, event.message);
    } else {
      this.#driver?.run((engine, nowMs) => engine.reject(nowMs, event.exchange));
    }
  }

  async #answer(exchange: number, message: CoapMessage): Promise<void> {
    const driver = this.#driver;
    const life = this.#life;
    await sleep(this.#random.between(0, 250));
    if (life !== this.#life) return;
    if (observeValue(message) === 0) this.#notifier?.renewed(message.token);
    const response = { ...this.model.answer(message), messageId: this.#nextMessageId() };
    driver?.run((engine, nowMs) => engine.respond(nowMs, exchange, response));
  }

  #receive(bytes: Uint8Array): void {
    if (!this.awake) return;
    this.#listen();
    if (this.#notifier?.handle(bytes) !== true) this.#driver?.receive([{ peer: SERVER, bytes }]);
  }

  #send(bytes: Uint8Array): void {
    if (!this.on) return;
    this.#listen();
    this.#network.toServer(this.address, bytes);
  }

  #listen(): void {
    this.#awakeUntilMs = Date.now() + this.habits.listensMs;
  }

  #nextMessageId(): number {
    return (this.#messageId = (this.#messageId + 1) & 0xffff);
  }
}

function pathOf(location: string): CoapOption[] {
  return [text(OptionNumber.URI_PATH, 'rd'), text(OptionNumber.URI_PATH, location)];
}
