/**
 * A fleet of devices that load the server in a closed loop: so many messages outstanding at a time, each repeated with
 * its message id until it is answered. An answer that is not the one expected fails the run.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  Code, contentFormat, decodeMessage, encodeMessage, formatCode, isRequest, locationPath, MessageType, observeValue, OptionNumber,
  uintOption, type CoapMessage,
} from '@cluster/coap';
import { ContentFormat } from '@cluster/lwm2m';
import { closeSocket, newDevice, openSocket, tokenBytes, type Device, type MessageKind, type Outstanding, type Server } from './device.ts';
import { changedMessage, contentMessage, registerMessage, sendMessage, updateMessage } from './messages.ts';

/** Devices `from` to `to` (exclusive). */
export interface Range {
  readonly from: number;
  readonly to: number;
}

export interface Load extends Range {
  readonly kind: MessageKind;
  readonly messages: number;
  /** Messages outstanding at a time; at most half the devices. */
  readonly window: number;
}

export interface LoadResult {
  readonly elapsedMs: number;
  readonly retransmissions: number;
  /** From the first sending to the answer: of half of the messages at most, of 99 %, of all. */
  readonly latencyMs: readonly [p50: number, p99: number, most: number];
}

const ACK_TIMEOUT_MS = 2_000;
const MAX_TRANSMISSIONS = 5;
/** How long an answer may take that the server announced by an empty ACK. */
const SEPARATE_ANSWER_MS = 30_000;
const SCAN_MS = 100;
const FLOOD_TICK_MS = 1;
/** Sockets that are opened at a time. */
const OPENING = 256;

const EXPECTED: Readonly<Record<Exclude<MessageKind, 'notification' | 'echo'>, number>> = {
  register: Code.CREATED, update: Code.CHANGED, send: Code.CHANGED,
};

interface Running {
  readonly load: Load;
  readonly finish: (error?: Error) => void;
  sent: number;
  answered: number;
  next: number;
  retransmissions: number;
  readonly latenciesMs: number[];
}

export class Fleet {
  readonly #devices = new Map<number, Device>();
  #running: Running | undefined;
  #reads = 0;
  #fault: Error | undefined;

  /** Requests for values that were answered since the last question. */
  reads(): number {
    const reads = this.#reads;
    this.#reads = 0;
    return reads;
  }

  /** Opens the sockets of some devices towards a server's port; they shake hands where it is secured. */
  async open({ from, to, ...server }: Range & Server): Promise<void> {
    for (let first = from; first < to; first += OPENING) {
      const length = Math.min(OPENING, to - first);
      await Promise.all(Array.from({ length }, async (_, i) => {
        await openSocket(this.#device(first + i), server, (device, bytes) => this.#received(device, bytes), (error) => this.#fail(error));
      }));
    }
  }

  async close({ from, to }: Range): Promise<void> {
    const all = Array.from({ length: to - from }, (_, i) => this.#device(from + i));
    await Promise.all(all.map(async (device) => closeSocket(device)));
  }

  /** Resolves when the server has begun to observe each of these devices. */
  async observed({ from, to, timeoutMs }: Range & { timeoutMs: number }): Promise<void> {
    const untilMs = performance.now() + timeoutMs;
    let missing = 0;
    while (performance.now() < untilMs) {
      if (this.#fault !== undefined) throw this.#fault;
      missing = 0;
      for (let index = from; index < to; index++) if (this.#device(index).observation === undefined) missing++;
      if (missing === 0) return;
      await sleep(20);
    }
    throw new Error(`${missing} devices are not observed after ${timeoutMs} ms`);
  }

  /** Sends NON notifications at a rate, waiting for nothing. Returns when the last one has left. */
  async flood({ from, to, messages, perSecond }: Range & { messages: number; perSecond: number }): Promise<{ elapsedMs: number }> {
    const startMs = performance.now();
    for (let sent = 0; sent < messages; await sleep(FLOOD_TICK_MS)) {
      const due = Math.min(messages, Math.ceil(((performance.now() - startMs) * perSecond) / 1_000));
      for (; sent < due; sent++) notify(this.#device(from + (sent % (to - from))));
    }
    return { elapsedMs: performance.now() - startMs };
  }

  /** Runs one load to its end. Rejects if a message stays unanswered or gets another answer than it should. */
  async run(load: Load): Promise<LoadResult> {
    if (this.#fault !== undefined) throw this.#fault;
    if (load.window * 2 > load.to - load.from) throw new RangeError('the window takes more than half the devices');
    const startMs = performance.now();
    return new Promise((resolve, reject) => {
      const timer = setInterval(() => this.#repeatDue(), SCAN_MS);
      const finish = (error?: Error): void => {
        clearInterval(timer);
        const { retransmissions = 0, latenciesMs = [] } = this.#running ?? {};
        this.#running = undefined;
        if (error === undefined) resolve({ elapsedMs: performance.now() - startMs, retransmissions, latencyMs: quantiles(latenciesMs) });
        else reject(error);
      };
      this.#running = { load, finish, sent: 0, answered: 0, next: load.from, retransmissions: 0, latenciesMs: [] };
      for (let i = 0; i < load.window; i++) this.#sendNext();
    });
  }

  #device(index: number): Device {
    let device = this.#devices.get(index);
    if (device === undefined) this.#devices.set(index, (device = newDevice(index)));
    return device;
  }

  #sendNext(): void {
    const running = this.#running;
    if (running === undefined || running.sent === running.load.messages) return;
    const { from, to, kind } = running.load;
    let device: Device;
    do {
      device = this.#device(running.next);
      running.next = running.next + 1 === to ? from : running.next + 1;
    } while (device.outstanding !== undefined);
    running.sent++;
    device.messageId = (device.messageId + 1) & 0xffff;
    device.token = (device.token + 1) >>> 0;
    const { messageId, token } = device;
    const bytes = messageOf(kind, device);
    device.outstanding = { kind, messageId, token, bytes, acknowledged: false, transmissions: 0, firstMs: performance.now(), dueMs: 0 };
    transmit(device, device.outstanding);
  }

  #repeatDue(): void {
    const running = this.#running;
    if (running === undefined) return;
    const nowMs = performance.now();
    for (let index = running.load.from; index < running.load.to; index++) {
      const device = this.#device(index);
      const { outstanding } = device;
      if (outstanding === undefined || outstanding.dueMs > nowMs) continue;
      const over = outstanding.acknowledged || outstanding.transmissions === MAX_TRANSMISSIONS;
      if (over) return this.#fail(new Error(`no answer to ${outstanding.kind}`));
      running.retransmissions++;
      transmit(device, outstanding);
    }
  }

  #received(device: Device, bytes: Uint8Array): void {
    if (device.outstanding?.kind === 'echo') return this.#echoed(device, device.outstanding, bytes);
    const decoded = decodeMessage(bytes);
    if (!decoded.ok) return this.#fail(new Error(`malformed datagram from the server: ${decoded.fault}`));
    const { message } = decoded;
    if (isRequest(message.code)) this.#answer(device, message);
    else this.#answered(device, message);
  }

  #echoed(device: Device, { bytes }: Outstanding, echo: Uint8Array): void {
    if (Buffer.compare(bytes, echo) !== 0) return this.#fail(new Error('the echo differs'));
    this.#done(device);
  }

  /** How many devices carried out no Write, one, or more than one. */
  writes({ from, to }: Range): { none: number; one: number; more: number } {
    const all = Array.from({ length: to - from }, (_, i) => this.#device(from + i).writes.size);
    const of = (fits: (writes: number) => boolean) => all.filter(fits).length;
    return { none: of((n) => n === 0), one: of((n) => n === 1), more: of((n) => n > 1) };
  }

  /** The server reads, observes or writes the resource. */
  #answer(device: Device, request: CoapMessage): void {
    if (request.code === Code.PUT) {
      device.writes.add(Buffer.from(request.token).toString('hex'));
      device.link?.send(changedMessage(request.messageId, request.token));
      return;
    }
    if (request.code !== Code.GET) return this.#fail(new Error(`unexpected request ${formatCode(request.code)}`));
    const format = uintOption(request, OptionNumber.ACCEPT) ?? ContentFormat.SENML_CBOR;
    const token = Uint8Array.from(request.token);
    const observes = observeValue(request) === 0;
    if (observes) device.observation = { token, format, value: 1 };
    else this.#reads++;
    device.link?.send(contentMessage(MessageType.ACK, request.messageId, token, format, observes ? 1 : undefined));
  }

  #answered(device: Device, message: CoapMessage): void {
    const { outstanding } = device;
    // The answer to a message that was repeated may come twice.
    if (outstanding === undefined) return;
    if (message.type === MessageType.CON) device.link?.send(emptyAck(message.messageId));
    const byMessageId = message.type === MessageType.ACK || message.type === MessageType.RST;
    if (byMessageId ? message.messageId !== outstanding.messageId : !isToken(message.token, outstanding.token)) return;
    if (message.type === MessageType.RST) return this.#fail(new Error(`${outstanding.kind} was rejected with RST`));
    if (outstanding.kind === 'notification') return this.#expect(device, message, Code.EMPTY);
    if (message.code === Code.EMPTY) {
      outstanding.acknowledged = true;
      outstanding.dueMs = performance.now() + SEPARATE_ANSWER_MS;
      return;
    }
    if (outstanding.kind === 'register') device.locationId = locationPath(message)[1] ?? '';
    this.#expect(device, message, EXPECTED[outstanding.kind as keyof typeof EXPECTED]);
  }

  #expect(device: Device, message: CoapMessage, code: number): void {
    if (message.code === code) return this.#done(device);
    const format = contentFormat(message) ?? 'none';
    this.#fail(new Error(`${device.outstanding?.kind} got ${formatCode(message.code)} (content format ${format})`));
  }

  #done(device: Device): void {
    const running = this.#running;
    const { outstanding } = device;
    device.outstanding = undefined;
    if (running === undefined) return;
    if (outstanding !== undefined) running.latenciesMs.push(performance.now() - outstanding.firstMs);
    running.answered++;
    if (running.answered === running.load.messages) running.finish();
    else this.#sendNext();
  }

  #fail(error: Error): void {
    this.#fault = error;
    this.#running?.finish(error);
  }
}

function quantiles(values: readonly number[]): LoadResult['latencyMs'] {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number): number => sorted[Math.ceil(share * sorted.length) - 1] ?? 0;
  return [at(0.5), at(0.99), at(1)];
}

function messageOf(kind: MessageKind, device: Device): Uint8Array {
  const { index, messageId, locationId, observation } = device;
  const token = tokenBytes(device.token);
  switch (kind) {
    case 'register':
      return registerMessage(index, messageId, token);
    case 'update':
      return updateMessage(locationId, messageId, token);
    case 'send':
      return sendMessage(messageId, token);
    case 'echo':
      return sendMessage(messageId, token);
    case 'notification':
      if (observation === undefined) throw new Error('the device is not observed');
      return contentMessage(MessageType.CON, messageId, observation.token, observation.format, ++observation.value);
  }
}

function transmit(device: Device, outstanding: Outstanding): void {
  outstanding.dueMs = performance.now() + ACK_TIMEOUT_MS * 2 ** outstanding.transmissions;
  outstanding.transmissions++;
  device.link?.send(outstanding.bytes);
}

function notify(device: Device): void {
  const { observation, link } = device;
  if (observation === undefined) throw new Error('the device is not observed');
  device.messageId = (device.messageId + 1) & 0xffff;
  link?.send(contentMessage(MessageType.NON, device.messageId, observation.token, observation.format, ++observation.value));
}

function isToken(bytes: Uint8Array, token: number): boolean {
  return Buffer.compare(bytes, tokenBytes(token)) === 0;
}

function emptyAck(messageId: number): Uint8Array {
  return encodeMessage({
    type: MessageType.ACK, code: Code.EMPTY, messageId, token: new Uint8Array(0), options: [], payload: new Uint8Array(0),
  });
}
