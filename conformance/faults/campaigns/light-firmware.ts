/** A light device with object 5: it takes packages block by block or pulls them, installs, reboots, sleeps, and has its troubles. */
import { setTimeout as sleep } from 'node:timers/promises';
import { blockOption, Code, type CoapMessage, type CoapOption, contentFormat, encodeBlock, encodeMessage, MessageType, observeValue, OptionNumber, uriPath } from '@cluster/coap';
import { LightDevice, text, uint, type Counts } from '../light-fleet.ts';

/** `fails`: each package is damaged to it; `lost`: it never comes back from its reboot. */
export type Trouble = 'fails' | 'lost';

export interface FirmwareTraits {
  readonly method: 'push' | 'pull';
  readonly queueMode: boolean;
  readonly trouble?: Trouble | undefined;
  /** The bytes that it is to get. */
  readonly image: Buffer;
  /** How long it listens after a message of its own, in queue mode. */
  readonly listensMs: number;
  /** Between its Updates. */
  readonly updateMs: number;
}

const SENML_JSON = 110;
const EMPTY = new Uint8Array(0);
const SZX_1024 = 6;
/** Blocks of a pull are tried again by its exchanges; the whole pull so often. */
const PULLS = 3;
const PAUSE_MS = 200;
const NULL_PACKAGE = Buffer.from([0]);

export class LightFirmware extends LightDevice {
  version = '1.0';
  installs = 0;
  /** Packages that came whole, with other bytes than those of the image. */
  corrupt = 0;
  #state = 0;
  #result = 0;
  readonly #blocks: Uint8Array[] = [];
  #heardMs = 0;
  #gone = false;
  #turn: Promise<unknown> = Promise.resolve();
  readonly #traits: FirmwareTraits;

  constructor(endpoint: string, serverPort: number, counts: Counts, traits: FirmwareTraits) {
    super(endpoint, serverPort, counts);
    this.#traits = traits;
  }

  /** Says that it lives again and again, and registers where it is not known. */
  async live(): Promise<void> {
    await sleep(Math.random() * this.#traits.updateMs);
    while (!this.#gone) {
      const path = this.location.map((segment) => text(OptionNumber.URI_PATH, segment));
      const answer = await this.#inTurn(() => this.exchange(Code.POST, path, EMPTY)).catch(() => undefined);
      if (answer?.code === Code.NOT_FOUND) await this.#inTurn(() => this.reboot()).catch(() => undefined);
      await sleep(this.#traits.updateMs * (0.75 + Math.random() / 2));
    }
  }

  override close(): void {
    this.#gone = true;
    super.close();
  }

  protected override get links(): string {
    return '</>;rt="oma.lwm2m";ct="110",</1/0>,</3/0>,</5/0>';
  }

  protected override get queries(): readonly string[] {
    return this.#traits.queueMode ? ['b=U', 'Q'] : ['b=U'];
  }

  protected override get listens(): boolean {
    return !this.#traits.queueMode || Date.now() < this.#heardMs + this.#traits.listensMs;
  }

  protected override async exchange(...request: Parameters<LightDevice['exchange']>): Promise<CoapMessage> {
    this.#heardMs = Date.now();
    const answer = await super.exchange(...request);
    this.#heardMs = Date.now();
    return answer;
  }

  protected override answerTo(request: CoapMessage, code: number, messageId: number): Uint8Array {
    this.#heardMs = Date.now();
    const { answer, options = [], payload = EMPTY } = this.#carryOut(request, code);
    return encodeMessage({ type: MessageType.ACK, code: answer, messageId, token: Uint8Array.from(request.token), options, payload });
  }

  #carryOut(request: CoapMessage, code: number): { answer: number; options?: CoapOption[]; payload?: Uint8Array } {
    const path = uriPath(request).join('/');
    if (code === Code.GET) return this.#read(request, path);
    if (code === Code.PUT && path === '5/0/0') return this.#push(request);
    if (code === Code.PUT && path === '5/0/1') return this.#uri(textOf(request));
    if (code === Code.POST && path === '5/0/2') return this.#execute();
    if (code === Code.POST && path === '5/0/10') this.#set(0, 10);
    return { answer: Code.CHANGED };
  }

  #read(request: CoapMessage, path: string) {
    const observe = path === '5/0' ? observeValue(request) : undefined;
    if (observe === 0) this.observation = Uint8Array.from(request.token);
    if (observe === 1) this.observation = undefined;
    const options = [...(observe === 0 ? [uint(OptionNumber.OBSERVE, 1)] : []), uint(OptionNumber.CONTENT_FORMAT, SENML_JSON)];
    return path === '5/0' || path === '3/0' ? { answer: Code.CONTENT, options, payload: this.#values(path) } : { answer: Code.NOT_FOUND };
  }

  #values(path: string): Uint8Array {
    const method = this.#traits.method === 'push' ? 1 : 0;
    const values = path === '3/0' ? [{ bn: '/3/0/', n: '0', vs: 'ACME' }, { n: '3', vs: this.version }]
      : [{ bn: '/5/0/', n: '3', v: this.#state }, { n: '5', v: this.#result }, { n: '8/0', v: 0 }, { n: '9', v: method }];
    return Buffer.from(JSON.stringify(values));
  }

  #push(request: CoapMessage) {
    const block = blockOption(request, OptionNumber.BLOCK1);
    const num = block?.num ?? 0;
    // RFC 7959 §2.9.2: from the first block again.
    if (num > this.#blocks.length) return { answer: Code.REQUEST_ENTITY_INCOMPLETE };
    this.#blocks.length = num;
    this.#blocks.push(Uint8Array.from(request.payload));
    const options = block === undefined ? [] : [encodeBlock(OptionNumber.BLOCK1, block)];
    if (block?.more === true) return { answer: Code.CONTINUE, options };
    this.#took(Buffer.concat(this.#blocks));
    return { answer: Code.CHANGED, options };
  }

  #uri(uri: string) {
    if (uri === '') this.#set(0, 0);
    else this.#later(() => this.#pull(new URL(uri).pathname.split('/').filter((segment) => segment !== '')));
    return { answer: Code.CHANGED };
  }

  #execute() {
    if (this.#state !== 2) return { answer: Code.METHOD_NOT_ALLOWED };
    this.#later(() => this.#install());
    return { answer: Code.CHANGED };
  }

  async #pull(path: readonly string[]): Promise<void> {
    this.#set(1, 0);
    for (let i = 0; i < PULLS; i++) {
      const bytes = await this.#fetch(path).catch(() => undefined);
      if (bytes !== undefined) return this.#took(bytes);
    }
    this.#set(0, 4);
  }

  async #fetch(path: readonly string[]): Promise<Buffer> {
    const blocks: Uint8Array[] = [];
    for (let more = true; more;) {
      const options = [...path.map((segment) => text(OptionNumber.URI_PATH, segment)), encodeBlock(OptionNumber.BLOCK2, { num: blocks.length, more: false, szx: SZX_1024 })];
      const answer = await this.#inTurn(() => this.exchange(Code.GET, options, EMPTY));
      if (answer.code !== Code.CONTENT) throw new Error(`${this.endpoint}: GET got ${answer.code}`);
      blocks.push(Uint8Array.from(answer.payload));
      more = blockOption(answer, OptionNumber.BLOCK2)?.more ?? false;
    }
    return Buffer.concat(blocks);
  }

  #took(bytes: Buffer): void {
    if (bytes.length === 0 || bytes.equals(NULL_PACKAGE)) return this.#set(0, 0);
    if (!bytes.equals(this.#traits.image)) this.corrupt += 1;
    if (this.#traits.trouble === 'fails') this.#set(0, 5);
    else this.#set(2, 0);
  }

  async #install(): Promise<void> {
    this.installs += 1;
    this.#set(3, 0);
    await sleep(PAUSE_MS);
    if (this.#traits.trouble === 'lost') return this.close();
    [this.#state, this.#result, this.version] = [0, 1, '2.0'];
    await this.#inTurn(() => this.reboot());
  }

  #set(state: number, result: number): void {
    [this.#state, this.#result] = [state, result];
    if (this.observation === undefined) return;
    this.#later(async () => {
      const token = this.observation;
      if (token === undefined) return;
      const options = [uint(OptionNumber.OBSERVE, ++this.#notified), uint(OptionNumber.CONTENT_FORMAT, SENML_JSON)];
      const answer = await this.#inTurn(() => this.exchange(Code.CONTENT, options, this.#values('5/0'), token));
      if (answer.type === MessageType.RST) this.observation = undefined;
    });
  }

  #notified = 1;

  /** One exchange of its own at a time. RFC 7252 §4.7, NSTART */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const next = this.#turn.then(() => (this.#gone ? Promise.reject(new Error(`${this.endpoint} is gone`)) : work()));
    this.#turn = next.catch(() => undefined);
    return next;
  }

  /** After the answer that is being made has left. What fails shows in its state. */
  #later(work: () => Promise<void>): void {
    setImmediate(() => void work().catch(() => undefined));
  }
}

/** The one text that a Write of one resource carries. */
function textOf(request: CoapMessage): string {
  const payload = Buffer.from(request.payload).toString();
  return contentFormat(request) === SENML_JSON ? ((JSON.parse(payload) as { vs?: string }[])[0]?.vs ?? '') : payload;
}
