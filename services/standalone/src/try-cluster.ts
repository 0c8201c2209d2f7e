/**
 * `node services/standalone/dist/try-cluster.js coap://HOST:PORT http://HOST:PORT`: plays a small device without security
 * against a cluster, and has it read by REST. Ends with 0 when all of it worked. The chart's `helm test` runs it.
 */
import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { setTimeout as sleep } from 'node:timers/promises';
import { Code, type CoapMessage, decodeMessage, encodeMessage, formatCode, locationPath, MessageType, OptionNumber } from '@cluster/coap';

const PATIENCE_MS = 60_000;
const RETRY_MS = 2_000;
const MANUFACTURER = 'a device that was tried';

/** Fails the trial, and says at what. */
class TrialFailed extends Error {
  readonly code = 'TRIAL_FAILED';
}

/** A device with one resource, /3/0/0. */
class Device {
  readonly #socket: Socket;
  readonly #target: URL;
  readonly #waiting = new Map<number, (message: CoapMessage) => void>();
  #messageId = randomBytes(2).readUInt16BE();

  constructor(target: URL) {
    this.#target = target;
    this.#socket = createSocket('udp4').on('message', (bytes) => this.#take(bytes));
  }

  /** Sends a confirmable request until it is answered. */
  async request(code: number, path: readonly string[], query: readonly string[], payload: string): Promise<CoapMessage> {
    const messageId = (this.#messageId = (this.#messageId + 1) & 0xffff);
    const options = [
      ...path.map((segment) => ({ number: OptionNumber.URI_PATH, value: Buffer.from(segment) })),
      ...(payload === '' ? [] : [{ number: OptionNumber.CONTENT_FORMAT, value: Buffer.of(40) }]),
      ...query.map((parameter) => ({ number: OptionNumber.URI_QUERY, value: Buffer.from(parameter) })),
    ];
    const bytes = encodeMessage({ type: MessageType.CON, code, messageId, token: randomBytes(4), options, payload: Buffer.from(payload) });
    const answered = new Promise<CoapMessage>((resolve) => this.#waiting.set(messageId, resolve));
    for (let sentMs = 0; sentMs < PATIENCE_MS; sentMs += RETRY_MS) {
      this.#send(bytes);
      const answer = await Promise.race([answered, sleep(RETRY_MS, undefined, { ref: false })]);
      if (answer !== undefined) return answer;
    }
    throw new TrialFailed(`${this.#target.href} does not answer`);
  }

  close(): void {
    this.#socket.close();
  }

  #take(bytes: Buffer): void {
    const decoded = decodeMessage(bytes);
    if (!decoded.ok) return;
    const { message } = decoded;
    if (message.type === MessageType.ACK) return this.#waiting.get(message.messageId)?.(message);
    // Whatever is asked, this is what the device has.
    const answer = { type: MessageType.ACK, code: Code.CONTENT, messageId: message.messageId, token: message.token };
    const options = [{ number: OptionNumber.CONTENT_FORMAT, value: Buffer.alloc(0) }];
    this.#send(encodeMessage({ ...answer, options, payload: Buffer.from(MANUFACTURER) }));
  }

  #send(bytes: Uint8Array): void {
    this.#socket.send(bytes, Number(this.#target.port || 5_683), this.#target.hostname);
  }
}

async function tryCluster(coap: URL, rest: URL): Promise<void> {
  const endpoint = `try-${randomBytes(6).toString('hex')}`;
  const device = new Device(coap);
  try {
    const registered = await device.request(Code.POST, ['rd'], [`ep=${endpoint}`, 'lt=60', 'lwm2m=1.1', 'b=U'], '</1/0>,</3/0>');
    if (registered.code !== Code.CREATED) throw new TrialFailed(`Register is answered with ${formatCode(registered.code)}`);
    const command = await fetch(new URL(`/api/v1/endpoints/${endpoint}/commands?wait=30`, rest), {
      method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ op: 'read', path: '/3/0/0', accept: 0 }),
    });
    const status = (await command.json()) as { state?: string; response?: { values?: { value: unknown }[] } };
    const [read] = status.response?.values ?? [];
    if (read?.value !== MANUFACTURER) throw new TrialFailed(`Read ends with HTTP ${command.status}, ${JSON.stringify(status)}`);
    const left = await device.request(Code.DELETE, locationPath(registered), [], '');
    if (left.code !== Code.DELETED) throw new TrialFailed(`De-register is answered with ${formatCode(left.code)}`);
  } finally {
    device.close();
  }
}

const [coap, rest] = process.argv.slice(2).map((text) => URL.parse(text));
if (coap?.protocol !== 'coap:' || rest?.protocol !== 'http:') {
  process.stderr.write('usage: try-cluster.js coap://HOST:PORT http://HOST:PORT\n');
  process.exitCode = 2;
} else {
  try {
    await tryCluster(coap, rest);
    process.stdout.write('a device registered, was read, and left\n');
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
