/** Which broker leads which partition, asked again when it may have changed, and a link to each broker that is needed. */
import { addressOf, BrokerLink, LinkLost, type LinkOptions } from './broker-link.ts';
import { isMissing } from './broker-errors.ts';
import { RequestWriter } from './request-writer.ts';
import { METADATA, readMetadata, writeMetadataRequest, type Api, type BrokerAddress } from './requests.ts';
import type { ResponseReader } from './response-reader.ts';

export interface LeadersOptions extends LinkOptions {
  /** host:port of some of the cluster's brokers. */
  readonly brokers: readonly string[];
}

const ASK_TIMEOUT_MS = 3_000;
/** Partitions may be added meanwhile. */
const FRESH_MS = 300_000;

/** A link with the buffer that its requests are written into. */
export interface Line {
  readonly link: BrokerLink;
  readonly writer: RequestWriter;
}

export class Leaders {
  readonly #options: LeadersOptions;
  readonly #asked: () => void;
  readonly #topics = new Map<string, readonly number[]>();
  #missing: ReadonlySet<string> = new Set();
  readonly #lines = new Map<number, Line>();
  #brokers: ReadonlyMap<number, BrokerAddress> = new Map();
  #askedMs = -Infinity;
  /** Whom to ask next: one after the other, since the one asked before may be away. */
  #turn = 0;
  #closed = false;

  /** `asked` is called after each answer. */
  constructor(options: LeadersOptions, asked: () => void) {
    this.#options = options;
    this.#asked = asked;
  }

  /** Of the topics asked for, those that are not there. */
  get missing(): ReadonlySet<string> {
    return this.#missing;
  }

  /** Leaders of a topic's partitions by their index, -1 for none, [] if the topic is missing; undefined before that is known. */
  of(topic: string): readonly number[] | undefined {
    return this.#topics.get(topic);
  }

  /** Asks again, in the background, what is not recent any more: nothing has to wait for it. */
  refresh(nowMs: number): void {
    if (nowMs - this.#askedMs < FRESH_MS) return;
    this.#askedMs = nowMs;
    this.ask([], nowMs).catch(() => {}); // what is known may still hold; if not, its use tells
  }

  /** Asks a broker for the leaders of these topics and of those known before. Rejects with {@link LinkLost}. */
  async ask(topics: readonly string[], nowMs: number): Promise<void> {
    const wanted = [...new Set([...this.#topics.keys(), ...topics])];
    const reader = await this.askAny(METADATA, (writer) => writeMetadataRequest(writer, wanted));
    const metadata = read(reader, readMetadata);
    this.#brokers = metadata.brokers;
    for (const { name, error, leaders } of metadata.topics) {
      if (leaders.length > 0 || isMissing(error)) this.#topics.set(name, leaders);
    }
    this.#missing = new Set(wanted.filter((topic) => this.#topics.get(topic)?.length === 0));
    this.#askedMs = nowMs;
    this.#asked();
  }

  /** Puts a request to any broker, over a line of its own. */
  async askAny(api: Api, write: (writer: RequestWriter) => void): Promise<ResponseReader> {
    const candidates = [...this.#brokers.values(), ...this.#options.brokers.map(addressOf)];
    const link = await BrokerLink.open(candidates[this.#turn++ % candidates.length]!, this.#options);
    try {
      if (this.#closed) throw new LinkLost('closed');
      const writer = new RequestWriter();
      return await link.request(writer, api, ASK_TIMEOUT_MS, () => write(writer));
    } finally {
      link.close();
    }
  }

  /** A line to a broker. Rejects with {@link LinkLost}. */
  async line(node: number): Promise<Line> {
    const line = this.#lines.get(node);
    if (line?.link.usable === true) return line;
    const address = this.#brokers.get(node);
    if (address === undefined) throw new LinkLost(`broker ${node} is not known`);
    const opened = { link: await BrokerLink.open(address, this.#options), writer: new RequestWriter() };
    line?.link.close();
    this.#lines.set(node, opened);
    if (this.#closed) opened.link.close();
    return opened;
  }

  close(): void {
    this.#closed = true;
    for (const { link } of this.#lines.values()) link.close();
  }
}

/** A response that can't be read is a broker that can't be used. */
export function read<T>(reader: ResponseReader, how: (reader: ResponseReader) => T): T {
  try {
    return how(reader);
  } catch (cause) {
    throw new LinkLost('a response that can not be read', { cause });
  }
}
