/**
 * A LwM2M device for tests and for trying things out: a real UDP client on node-coap, independent of the project's own
 * CoAP engine, with knobs for faults. Tests wait for its events, not for time.
 */
import { EventEmitter } from 'node:events';
import { parsePath, type Path, type ResourceValue, type Value } from '@cluster/lwm2m';
import type { IncomingMessage, OutgoingMessage } from 'coap';
import { Attributes, type AttributeSet } from './attributes.ts';
import { Behaviour, type BehaviourHost } from './behaviour.ts';
import { CoapPort, type ClientRequest, type ClientResponse } from './coap-port.ts';
import { ContentFormats } from './content.ts';
import { DataModel } from './data-model.ts';
import { objectLinks } from './discover.ts';
import type { DeviceEvents, DeviceOptions, ForgedNotification } from './device-options.ts';
import { carriesEcho, challenge, respond, toDeviceRequest } from './exchange.ts';
import { Faults } from './faults.ts';
import { Notifier, type Delivery } from './notifier.ts';
import { defaultObjects } from './objects.ts';
import { Observations, type Observation } from './observations.ts';
import { operationOf, type OperationName, Operations } from './operations.ts';
import { RegistrationClient, type UpdateChanges } from './registration-client.ts';

/** A simulated device. One registration, one server. */
export class SimulatedDevice extends EventEmitter<DeviceEvents> {
  /** What its radio loses and what it refuses. */
  readonly faults = new Faults();
  /** The code by which its objects refuse an operation in the state that they are in. */
  refusal: (operation: OperationName, path: Path) => string | undefined = () => undefined;
  readonly model: DataModel;
  readonly observations: Observations;
  readonly registration: RegistrationClient;
  readonly #options: DeviceOptions;
  readonly #attributes: Attributes;
  readonly #contents: ContentFormats;
  readonly #operations: Operations;
  readonly #notifier: Notifier;
  readonly #behaviour: Behaviour;
  #port: CoapPort | undefined;

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
    this.#behaviour = new Behaviour(
      { automatic: options.automatic !== false, awakeMs: queueMode ? options.awakeMs : undefined },
      this.#behaviourHost(),
    );
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
    this.#behaviour.onRefreshed();
    this.emit('registered', this.location ?? '');
  }

  /** De-registers and closes the port. */
  async stop(): Promise<void> {
    if (this.registration.location !== undefined && this.#port !== undefined) await this.deregister();
    this.kill();
  }

  /** De-registers and stays reachable. Returns the answer's code. */
  async deregister(): Promise<string> {
    this.#behaviour.onDeregistered();
    this.observations.clear();
    const code = await this.registration.deregister();
    this.emit('deregistered');
    return code;
  }

  /** Falls silent at once, as by a loss of power. */
  kill(): void {
    this.#behaviour.stop();
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
      this.#behaviour.onRefreshed();
      this.emit('updated');
    } else if (code === '4.04' && this.#behaviour.isAutomatic) {
      await this.register();
    }
    return code;
  }

  /** Sends the values at these paths (Send). Returns the answer's code; undefined where the server has muted it. */
  async send(paths: readonly string[], contentFormat = this.#contents.ofSend): Promise<string | undefined> {
    if (this.model.valueAt([1, 0, 23]) === true) return undefined;
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
    this.#behaviour.onMessage();
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
    this.faults.radioOn = false;
    this.emit('asleep');
  }

  /** Turns the radio on and sends an Update, unless told not to. Returns its code. */
  async wake(options: { update?: boolean } = {}): Promise<string | undefined> {
    this.faults.radioOn = true;
    this.emit('awake');
    this.#behaviour.onMessage();
    return options.update === false ? undefined : this.update();
  }

  /** Goes on from another UDP port, as behind a NAT that forgot it. Returns the new port. */
  async rebind(port = 0): Promise<number> {
    this.#bound().close();
    this.#port = await this.#openPort(port);
    return this.#port.localPort;
  }

  #bound(): CoapPort {
    if (this.#port === undefined) throw new TypeError(`${this.#options.endpoint} is not started`);
    return this.#port;
  }

  #openPort(localPort: number): Promise<CoapPort> {
    const url = new URL(this.#options.server ?? 'coap://127.0.0.1:5683');
    const host = url.hostname.replace(/^\[|\]$/g, ''); // RFC 3986 §3.2.2
    return CoapPort.open({
      server: { host, port: Number(url.port || 5683) },
      localPort, localAddress: this.#options.localAddress ?? localAddressFor(host), faults: this.faults,
      onRequest: (request, response) => this.#onRequest(request, response),
      onMessage: (message) => this.#notifier.onMessage(message),
    });
  }

  #onRequest(message: IncomingMessage, answer: OutgoingMessage): void {
    this.#behaviour.onMessage();
    if (this.faults.delayMs > 0) setTimeout(() => this.#handle(message, answer), this.faults.delayMs);
    else this.#handle(message, answer);
  }

  #handle(message: IncomingMessage, answer: OutgoingMessage): void {
    if (this.#port === undefined) return;
    try {
      const { echo } = this.faults;
      if (echo !== undefined && !carriesEcho(message, echo)) challenge(answer, echo);
      else this.#answer(message, answer);
    } catch (error) {
      respond(message, answer, { code: '5.00' });
      this.emit('failed', error as Error);
    }
  }

  #answer(message: IncomingMessage, answer: OutgoingMessage): void {
    const request = toDeviceRequest(message, this.#options.rootPath ?? '/');
    const operation = request && operationOf(request, this.model);
    const { name, path } = operation ?? { name: 'unknown' as const, path: [] };
    const refused = this.faults.refusalOf(name) ?? (name === 'unknown' ? undefined : this.refusal(name, path));
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
    if (composite) return { ...Object.fromEntries(known), ...this.#attributes.shortestPeriods(paths) };
    return { ...Object.fromEntries(known), ...(path === undefined ? {} : this.#attributes.inherited(path)) };
  }

  #notify(observation: Observation, observe: number): void {
    if (this.#port === undefined) return;
    this.#behaviour.onMessage();
    const { token } = observation;
    const { con } = this.#attributesOf(observation);
    const confirmable = con === undefined ? this.#options.notifications !== 'non' : con === 1;
    const content = this.#operations.report(observation);
    const sent = this.#notifier.send({ token, observe, confirmable, ...content });
    void sent.then((delivery) => this.emit('notified', { observation, observe, delivery }));
  }

  #onReset(token: Buffer): void {
    const observation = this.observations.remove(token); // RFC 7641 §3.6
    if (observation !== undefined) this.emit('cancelled', observation, 'reset');
  }

  #behaviourHost(): BehaviourHost {
    return {
      model: this.model,
      isOpen: () => this.#port !== undefined,
      isAsleep: () => !this.faults.radioOn,
      lifetimeS: () => this.registration.parameters.lifetimeS,
      register: () => this.register(),
      update: (changes) => this.update(changes),
      deregister: () => this.deregister(),
      wake: () => this.wake(),
      sleep: () => this.sleep(),
      failed: (error) => this.emit('failed', error),
    };
  }

  #operationEvents(): ConstructorParameters<typeof Operations>[0]['events'] {
    return {
      written: (path, values, payload) => {
        this.emit('written', { path, values, payload });
        if (!values.some((value) => value.path[0] === 1)) return;
        this.observations.rearm(); // default periods hold at once
        this.#behaviour.onServerObjectWritten();
      },
      executed: (path, args) => {
        this.emit('executed', { path, arguments: args });
        this.#behaviour.onExecuted(path);
      },
      created: (path) => this.emit('created', path),
      deleted: (path) => this.emit('deleted', path),
      observed: (observation) => this.emit('observed', observation),
      cancelled: (observation) => this.emit('cancelled', observation, 'request'),
    };
  }
}

function pathOf(text: string): Path {
  const path = parsePath(text);
  if (path === undefined) throw new TypeError(`${text} is no path`);
  return path;
}

/** A test's device stays on loopback; one that is tried against a server elsewhere may not. */
function localAddressFor(host: string): string {
  if (host.includes(':')) return host === '::1' ? '::1' : '::';
  return host === 'localhost' || host.startsWith('127.') ? '127.0.0.1' : '0.0.0.0';
}

function numeric(value: Value | undefined): number | undefined {
  return typeof value === 'number' ? value : undefined;
}
