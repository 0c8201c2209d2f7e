/**
 * A LwM2M device for tests and for trying things out: a real UDP client on node-coap, independent of the project's own
 * CoAP engine, with knobs for faults. Tests wait for its events, not for time.
 */
import { EventEmitter } from 'node:events';
import { parsePath, type Path, type ResourceValue, type Value } from '@cluster/lwm2m';
import type { IncomingMessage, OutgoingMessage } from 'coap';
import { Attributes, type AttributeSet } from './attributes.ts';
import { CoapPort, type ClientRequest, type ClientResponse } from './coap-port.ts';
import { ContentFormats } from './content.ts';
import { DataModel } from './data-model.ts';
import { objectLinks } from './discover.ts';
import { respond, toDeviceRequest } from './exchange.ts';
import { Faults } from './faults.ts';
import { Notifier, type Delivery, type Notification } from './notifier.ts';
import { defaultObjects, type ObjectSpec } from './objects.ts';
import { Observations, type Observation } from './observations.ts';
import { operationOf, Operations, type OperationName } from './operations.ts';
import { RegistrationClient, type UpdateChanges } from './registration-client.ts';

/** How a device is set up. */
export interface DeviceOptions {
  readonly endpoint: string;
  /** coap://127.0.0.1:5683 unless told. */
  readonly server?: string;
  /** 300 unless told. */
  readonly lifetimeS?: number;
  /** 1.1 unless told. */
  readonly version?: '1.0' | '1.1' | '1.2';
  /** U unless told. */
  readonly binding?: string;
  readonly queueMode?: boolean;
  /** In queue mode: how long after the last message the radio goes off; never by itself unless told. */
  readonly awakeMs?: number;
  readonly sms?: string;
  /** Alternate path, "/" unless told. */
  readonly rootPath?: string;
  readonly objects?: readonly ObjectSpec[];
  /** Content formats it speaks and announces; those of its version unless told. */
  readonly contentFormats?: readonly number[];
  /** CON unless told. */
  readonly notifications?: 'con' | 'non';
  /** Whether it acts by itself: Update in time and after a new lifetime, trigger, disable, reboot. True unless told. */
  readonly automatic?: boolean;
  readonly localPort?: number;
  /** 127.0.0.1 unless told. */
  readonly localAddress?: string;
}

/** Events of a device and what they carry. */
export interface DeviceEvents {
  registered: [location: string];
  updated: [];
  deregistered: [];
  backoff: [seconds: number];
  /** Each request of the server with the code it was answered with. */
  request: [{ operation: OperationName | 'unknown'; path: Path; code: string }];
  written: [{ path: Path; values: readonly ResourceValue[]; payload: Uint8Array }];
  executed: [{ path: Path; arguments: string }];
  created: [path: Path];
  deleted: [path: Path];
  observed: [Observation];
  cancelled: [Observation, by: 'request' | 'reset'];
  notified: [{ observation: Observation; observe: number; delivery: Delivery }];
  asleep: [];
  awake: [];
  /** Something that the device did by itself went wrong. */
  failed: [error: Error];
}

/** A notification that a test makes up. */
export type ForgedNotification = Omit<Notification, 'token'> & { readonly token?: Buffer };

/** A simulated device. One registration, one server. */
export class SimulatedDevice extends EventEmitter<DeviceEvents> {
  /** What its radio loses and what it refuses. */
  readonly faults = new Faults();
  readonly model: DataModel;
  readonly observations: Observations;
  readonly registration: RegistrationClient;
  readonly #options: DeviceOptions;
  readonly #attributes: Attributes;
  readonly #contents: ContentFormats;
  readonly #operations: Operations;
  readonly #notifier: Notifier;
  #port: CoapPort | undefined;
  #refreshTimer: NodeJS.Timeout | undefined;
  #sleepTimer: NodeJS.Timeout | undefined;
  #disabledTimer: NodeJS.Timeout | undefined;

  constructor(options: DeviceOptions) {
    super();
    const { version = '1.1', lifetimeS = 300, binding = 'U', queueMode = false } = options;
    this.#options = options;
    this.model = new DataModel(options.objects ?? defaultObjects(lifetimeS, binding), (changed) => this.#onChange(changed));
    this.#attributes = new Attributes(version);
    this.#contents = new ContentFormats(this.model, version, options.rootPath ?? '/', options.contentFormats);
    this.observations = new Observations({
      attributesOf: (observation) => this.#attributesOf(observation),
      numberAt: (path) => numeric(this.model.valueAt(path)),
      notify: (observation, observe) => this.#notify(observation, observe),
    });
    this.#operations = new Operations({
      model: this.model, attributes: this.#attributes, observations: this.observations, contents: this.#contents,
      events: this.#operationEvents(),
    });
    this.#notifier = new Notifier({
      sendPacket: (packet) => this.#port?.sendPacket(packet),
      nextMessageId: () => this.#bound().nextMessageId(),
      onReset: (token) => this.#onReset(token),
    });
    const sms = options.sms === undefined ? {} : { sms: options.sms };
    this.registration = new RegistrationClient(
      { endpoint: options.endpoint, lifetimeS, version, binding, queueMode, ...sms },
      {
        request: (request) => this.request(request),
        objectList: () => objectLinks(this.model, options.rootPath ?? '/', this.#contents.announced),
        onBackOff: (seconds) => this.emit('backoff', seconds),
      },
    );
  }

  /** The registration's location, e.g. "/rd/5a3f"; undefined while not registered. */
  get location(): string | undefined {
    return this.registration.location && `/${this.registration.location.join('/')}`;
  }

  /** UDP port that it sends from now. */
  get localPort(): number {
    return this.#bound().localPort;
  }

  /** Opens the port and registers. */
  async start(): Promise<void> {
    await this.open();
    await this.register();
  }

  /** Opens the port without registering. */
  async open(): Promise<void> {
    this.#port ??= await this.#openPort(this.#options.localPort ?? 0);
  }

  /** Registers, again where it already was: observations are gone then. */
  async register(): Promise<void> {
    this.observations.clear();
    await this.registration.register();
    this.#refreshLater();
    this.emit('registered', this.location ?? '');
  }

  /** De-registers and closes the port. */
  async stop(): Promise<void> {
    if (this.registration.location !== undefined && this.#port !== undefined) await this.deregister();
    this.kill();
  }

  /** De-registers and stays reachable. Returns the answer's code. */
  async deregister(): Promise<string> {
    clearTimeout(this.#refreshTimer);
    this.observations.clear();
    const code = await this.registration.deregister();
    this.emit('deregistered');
    return code;
  }

  /** Falls silent at once, as by a loss of power. */
  kill(): void {
    for (const timer of [this.#refreshTimer, this.#sleepTimer, this.#disabledTimer]) clearTimeout(timer);
    this.observations.clear();
    this.#notifier.close();
    this.registration.forget();
    this.#port?.close();
    this.#port = undefined;
  }

  /** Sends an Update. Returns the answer's code; after 4.04 an automatic device registers again first. */
  async update(changes: UpdateChanges = {}): Promise<string> {
    const code = await this.registration.update(changes);
    if (code === '2.04') {
      this.#refreshLater();
      this.emit('updated');
    } else if (code === '4.04' && this.#isAutomatic) {
      await this.register();
    }
    return code;
  }

  /** Sends the values at these paths (Send). Returns the answer's code. */
  async send(paths: readonly string[], contentFormat = this.#contents.ofSend): Promise<string> {
    const values = paths.flatMap((path) => this.model.read(pathOf(path)));
    return this.sendValues(values, contentFormat);
  }

  /** Sends values of any kind, with times where they have some. */
  async sendValues(values: readonly ResourceValue[], contentFormat = this.#contents.ofSend): Promise<string> {
    const { payload } = this.#contents.encode(contentFormat, values, []);
    return (await this.request({ method: 'POST', path: ['dp'], payload, contentFormat })).code;
  }

  /** Any request to the server, from the device's port. */
  async request(request: ClientRequest): Promise<ClientResponse> {
    this.#stayAwake();
    return this.#bound().request(request);
  }

  /** Sets a resource's value as the device itself does; observations are told as their attributes say. */
  setValue(path: string, value: Value): void {
    if (!this.model.set(pathOf(path), value)) throw new TypeError(`${this.#options.endpoint} has no resource ${path}`);
  }

  /** The value at a resource or resource instance. */
  getValue(path: string): Value | undefined {
    return this.model.valueAt(pathOf(path));
  }

  /** Notifies each observation of the path now, whatever its attributes say. Returns how many there are. */
  notify(path: string): number {
    return this.observations.force(pathOf(path));
  }

  /** Sends a notification that a test makes up; the token is that of the first observation unless told. */
  async notifyRaw(forged: ForgedNotification): Promise<Delivery> {
    const token = forged.token ?? this.observations.list()[0]?.token;
    if (token === undefined) throw new TypeError('nothing is observed, and no token was given');
    return this.#notifier.send({ observe: this.observations.nextObserve(token), ...forged, token });
  }

  /** Turns the radio off: nothing is received until {@link wake}. */
  sleep(): void {
    clearTimeout(this.#sleepTimer);
    this.faults.radioOn = false;
    this.emit('asleep');
  }

  /** Turns the radio on and sends an Update, unless told not to. Returns its code. */
  async wake(options: { update?: boolean } = {}): Promise<string | undefined> {
    this.faults.radioOn = true;
    this.emit('awake');
    this.#stayAwake();
    return options.update === false ? undefined : this.update();
  }

  /** Goes on from another UDP port, as behind a NAT that forgot it. Returns the new port. */
  async rebind(port = 0): Promise<number> {
    this.#bound().close();
    this.#port = await this.#openPort(port);
    return this.#port.localPort;
  }

  get #isAutomatic(): boolean {
    return this.#options.automatic !== false;
  }

  #bound(): CoapPort {
    if (this.#port === undefined) throw new TypeError(`${this.#options.endpoint} is not started`);
    return this.#port;
  }

  #openPort(localPort: number): Promise<CoapPort> {
    const url = new URL(this.#options.server ?? 'coap://127.0.0.1:5683');
    return CoapPort.open({
      server: { host: url.hostname, port: Number(url.port || 5683) },
      localPort, localAddress: this.#options.localAddress ?? '127.0.0.1', faults: this.faults,
      onRequest: (request, response) => this.#onRequest(request, response),
      onMessage: (message) => this.#notifier.onMessage(message),
    });
  }

  #onRequest(message: IncomingMessage, answer: OutgoingMessage): void {
    this.#stayAwake();
    if (this.faults.delayMs > 0) setTimeout(() => this.#handle(message, answer), this.faults.delayMs);
    else this.#handle(message, answer);
  }

  #handle(message: IncomingMessage, answer: OutgoingMessage): void {
    if (this.#port === undefined) return;
    try {
      this.#answer(message, answer);
    } catch (error) {
      respond(message, answer, { code: '5.00' });
      this.emit('failed', error as Error);
    }
  }

  #answer(message: IncomingMessage, answer: OutgoingMessage): void {
    const request = toDeviceRequest(message, this.#options.rootPath ?? '/');
    const operation = request && operationOf(request, this.model);
    const { name, path } = operation ?? { name: 'unknown' as const, path: [] };
    const refused = this.faults.refusalOf(name);
    const perform = (): { code: string } =>
      request && operation ? this.#operations.perform(operation.name, path, request) : { code: '4.04' };
    const response = refused === undefined ? perform() : { code: refused };
    respond(message, answer, response);
    this.emit('request', { operation: name, path, code: response.code });
  }

  #onChange(changed: readonly Path[]): void {
    this.observations?.changed(changed);
  }

  #attributesOf({ paths, composite }: Observation): AttributeSet {
    const defaults = { pmin: this.model.valueAt([1, 0, 2]), pmax: this.model.valueAt([1, 0, 3]) };
    const known = Object.entries(defaults).filter(([, value]) => typeof value === 'number') as [string, number][];
    const [path] = paths;
    return { ...Object.fromEntries(known), ...(composite || path === undefined ? {} : this.#attributes.inherited(path)) };
  }

  #notify(observation: Observation, observe: number): void {
    if (this.#port === undefined) return;
    this.#stayAwake();
    const { token } = observation;
    const confirmable = this.#options.notifications !== 'non';
    const content = this.#operations.report(observation);
    const sent = this.#notifier.send({ token, observe, confirmable, ...content });
    void sent.then((delivery) => this.emit('notified', { observation, observe, delivery }));
  }

  #onReset(token: Buffer): void {
    const observation = this.observations.remove(token); // RFC 7641 §3.6
    if (observation !== undefined) this.emit('cancelled', observation, 'reset');
  }

  #operationEvents(): ConstructorParameters<typeof Operations>[0]['events'] {
    return {
      written: (path, values, payload) => {
        this.emit('written', { path, values, payload });
        if (values.some((value) => value.path[0] === 1)) this.#onServerObjectWritten();
      },
      executed: (path, args) => {
        this.emit('executed', { path, arguments: args });
        if (this.#isAutomatic) this.#actOn(path);
      },
      created: (path) => this.emit('created', path),
      deleted: (path) => this.emit('deleted', path),
      observed: (observation) => this.emit('observed', observation),
      cancelled: (observation) => this.emit('cancelled', observation, 'request'),
    };
  }

  /** A new lifetime is told by an Update; new default periods hold at once. */
  #onServerObjectWritten(): void {
    this.observations.rearm();
    const lifetimeS = numeric(this.model.valueAt([1, 0, 1]));
    if (!this.#isAutomatic || lifetimeS === undefined || lifetimeS === this.registration.parameters.lifetimeS) return;
    this.#later(() => this.update({ lifetimeS }));
  }

  #actOn(path: Path): void {
    switch (path.join('/')) {
      case '1/0/8': // Registration Update Trigger
        return this.#later(() => this.update());
      case '1/0/4': // Disable
        return this.#later(() => this.#disable());
      case '3/0/4': // Reboot
        return this.#later(() => this.register());
    }
  }

  async #disable(): Promise<void> {
    await this.deregister();
    const seconds = numeric(this.model.valueAt([1, 0, 5])) ?? 86_400;
    this.#disabledTimer = setTimeout(() => this.#later(() => this.register()), seconds * 1_000);
  }

  /** Does something once the answer that is being made has left. */
  #later(action: () => Promise<unknown>): void {
    setImmediate(() => {
      if (this.#port === undefined) return;
      action().catch((error: unknown) => {
        if (this.#port !== undefined) this.emit('failed', error as Error);
      });
    });
  }

  #refreshLater(): void {
    clearTimeout(this.#refreshTimer);
    if (!this.#isAutomatic) return;
    const afterMs = Math.min(this.registration.parameters.lifetimeS * 900, 0x7f_ff_ff_ff);
    this.#refreshTimer = setTimeout(() => this.#later(() => this.#refresh()), afterMs);
  }

  async #refresh(): Promise<void> {
    await (this.faults.radioOn ? this.update() : this.wake());
  }

  #stayAwake(): void {
    clearTimeout(this.#sleepTimer);
    const { queueMode, awakeMs } = this.#options;
    if (queueMode && awakeMs !== undefined) this.#sleepTimer = setTimeout(() => this.sleep(), awakeMs);
  }
}

function pathOf(text: string): Path {
  const path = parsePath(text);
  if (path === undefined) throw new TypeError(`${text} is no path`);
  return path;
}

function numeric(value: Value | undefined): number | undefined {
  return typeof value === 'number' ? value : undefined;
}
