/** The owner's cache: sessions that this worker holds. Nothing in it is needed to go on without it. */
import { announcedVersions, type DeviceContext, type ObjectModel, type Registration } from '@cluster/lwm2m';
import { decodeSession, type DeviceNumber, type SessionRecord, type StoredSession } from '@cluster/session';
import { LRUCache } from 'lru-cache';

/** One session as it stands in the store, with what only the worker knows of it. */
export interface Held {
  readonly number: DeviceNumber;
  version: number;
  record: SessionRecord;
  /** The record's pending event is known to be published. */
  published: boolean;
  /** The last operator's change whose event is known to be published, by its sequence. */
  toldChange: number | undefined;
  /** Downlink entries in the store, as far as known. */
  entries: number;
  /** Next message id of the block that this worker reserved; undefined before it has one. */
  nextMessageId: number | undefined;
  /** The same for the counter of the next token. */
  nextCounter: number | undefined;
  /** Heard last, in the store's time: a queue-mode device is awake for MAX_TRANSMIT_WAIT from then. */
  heardMs: number;
  /** Messages of the device that changed its session and are not answered yet. */
  answering: number;
  /** Last Observe value of each observation, by the counter of its token. RFC 7641 §3.4 */
  readonly lastObserve: Map<number, { value: number; atMs: number }>;
  /** A device that did not answer about its observations is left alone until then, or until it is heard. */
  observeNotBeforeMs: number;
  /** Requests about its observations in a row that it answered with RST. */
  observeResets: number;
  /** When its observations were last made again because it reported something unknown. */
  doubtedMs: number;
  /** Version of the templates that were found to want nothing else of it. */
  templatesSeen: number | undefined;
  /** The address that was last bound to the device in the address index, and when. */
  bound: { peer: string; atMs: number } | undefined;
  context: HeldContext | undefined;
}

/** What the LwM2M layer needs to know of a device. */
export type HeldContext = DeviceContext & Pick<Registration, 'objectLinks'>;

export class HeldSessions {
  readonly #held: LRUCache<DeviceNumber, Held>;
  readonly #byPeer = new Map<string, DeviceNumber>();
  readonly #byEndpoint = new Map<string, DeviceNumber>();

  constructor(max: number) {
    this.#held = new LRUCache({ max, dispose: (held) => this.#forget(held) });
  }

  get size(): number {
    return this.#held.size;
  }

  get(number: DeviceNumber): Held | undefined {
    return this.#held.get(number);
  }

  /** The held session whose device last spoke from an address. */
  byPeer(peer: string): Held | undefined {
    const number = this.#byPeer.get(peer);
    return number === undefined ? undefined : this.#held.get(number);
  }

  /** The held session of an endpoint. */
  byEndpoint(endpoint: string): Held | undefined {
    const number = this.#byEndpoint.get(endpoint);
    return number === undefined ? undefined : this.#held.get(number);
  }

  /** Takes a session as the store has it. */
  take(number: DeviceNumber, stored: StoredSession): Held {
    const record = decodeSession(stored.record);
    const held = this.#held.get(number);
    if (held === undefined) return this.#insert(number, stored.version, record, stored.entries);
    const told = held.published && held.record.pending?.sequence === record.pending?.sequence;
    // The blocks of message ids and tokens are this worker's as long as nobody else wrote.
    if (held.version !== stored.version) held.nextMessageId = held.nextCounter = undefined;
    this.#set(held, stored.version, record, told);
    held.entries = stored.entries;
    return held;
  }

  /** Sets what was committed on a session, which may have left the cache meanwhile; `before`: none, the session is new. */
  committed(number: DeviceNumber, before: Held | undefined, record: SessionRecord): Held {
    if (before === undefined) return this.#insert(number, 1, record, 0);
    this.#set(before, before.version + 1, record, before.published && record.pending === before.record.pending);
    if (!this.#held.has(number)) this.#keep(before);
    return before;
  }

  drop(number: DeviceNumber): void {
    this.#held.delete(number);
  }

  /** Every held session, the least recently used last. */
  values(): IterableIterator<Held> {
    return this.#held.values() as IterableIterator<Held>;
  }

  #insert(number: DeviceNumber, version: number, record: SessionRecord, entries: number): Held {
    const held: Held = {
      number, version, record, entries, published: record.pending === undefined, toldChange: undefined, nextMessageId: undefined, nextCounter: undefined, heardMs: 0,
      answering: 0, observeNotBeforeMs: 0, observeResets: 0, doubtedMs: -Infinity, lastObserve: new Map(), templatesSeen: undefined, bound: undefined, context: undefined,
    };
    this.#keep(held);
    return held;
  }

  #keep(held: Held): void {
    this.#held.set(held.number, held);
    this.#byPeer.set(held.record.peer, held.number);
    this.#byEndpoint.set(held.record.endpoint, held.number);
  }

  #forget(held: Held): void {
    this.#unbind(held);
    const { endpoint } = held.record;
    if (this.#byEndpoint.get(endpoint) === held.number) this.#byEndpoint.delete(endpoint);
  }

  #set(held: Held, version: number, record: SessionRecord, published: boolean): void {
    if (held.record.peer !== record.peer) {
      this.#unbind(held);
      this.#byPeer.set(record.peer, held.number);
    }
    if (held.record.registration !== record.registration) held.context = undefined;
    if (held.record.registration !== record.registration || held.record.profile !== record.profile) held.templatesSeen = undefined;
    if (held.record.generation !== record.generation) {
      held.lastObserve.clear();
      held.observeResets = 0;
    }
    held.published = record.pending === undefined || published;
    held.version = version;
    held.record = record;
  }

  #unbind(held: Held): void {
    if (this.#byPeer.get(held.record.peer) === held.number) this.#byPeer.delete(held.record.peer);
  }
}

/** The context of a held device, made once for each registration. */
export function contextOf(held: Held, model: ObjectModel): HeldContext {
  const { registration } = held.record;
  held.context ??= {
    rootPath: registration.rootPath,
    lwm2mVersion: registration.lwm2mVersion,
    contentFormats: registration.contentFormats,
    objectLinks: registration.objectLinks,
    lookup: lookupOf(registration, model),
  };
  return held.context;
}

/** Devices of one kind share their object list, and so what is known of its objects. */
const lookups = new WeakMap<Registration['objectLinks'], { lwm2mVersion: string; model: ObjectModel; lookup: DeviceContext['lookup'] }>();

function lookupOf({ objectLinks, lwm2mVersion }: Registration, model: ObjectModel): DeviceContext['lookup'] {
  const known = lookups.get(objectLinks);
  if (known?.lwm2mVersion === lwm2mVersion && known.model === model) return known.lookup;
  const lookup = model.lookup(announcedVersions(objectLinks), lwm2mVersion);
  lookups.set(objectLinks, { lwm2mVersion, model, lookup });
  return lookup;
}
