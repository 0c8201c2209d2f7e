/** What a simulated device does with each request of the server: method, path and options decide the operation. */
import { parsePath, type Path, type ResourceValue } from '@cluster/lwm2m';
import type { Attributes } from './attributes.ts';
import { formats, type Content, type ContentFormats } from './content.ts';
import type { DataModel } from './data-model.ts';
import { discover } from './discover.ts';
import type { Observation, Observations } from './observations.ts';

/** A request as the operations see it, the alternate path taken away. */
export interface DeviceRequest {
  readonly method: string;
  readonly segments: readonly string[];
  readonly query: readonly string[];
  readonly contentFormat: number | undefined;
  readonly accept: number | undefined;
  readonly observe: number | undefined;
  readonly token: Buffer;
  readonly payload: Uint8Array;
}

/** The device's answer. */
export interface DeviceResponse {
  readonly code: string;
  readonly content?: Content;
  readonly location?: Path;
  /** Sequence value where the answer starts an observation. */
  readonly observe?: number;
}

export type OperationName =
  | 'read' | 'discover' | 'observe' | 'cancel-observe' | 'write' | 'write-partial' | 'write-attributes' | 'execute'
  | 'create' | 'delete' | 'read-composite' | 'write-composite' | 'observe-composite' | 'cancel-observe-composite';

/** What operations tell the device about. */
export interface OperationEvents {
  written(path: Path, values: readonly ResourceValue[], payload: Uint8Array): void;
  executed(path: Path, args: string): void;
  created(path: Path): void;
  deleted(path: Path): void;
  observed(observation: Observation): void;
  cancelled(observation: Observation): void;
}

interface Parts {
  readonly model: DataModel;
  readonly attributes: Attributes;
  readonly observations: Observations;
  readonly contents: ContentFormats;
  readonly events: OperationEvents;
}

const FIRST_OBSERVE = 1;
const ARGUMENTS = /^(\d(='[^'\\]*')?(,\d(='[^'\\]*')?)*)?$/; // OMA LwM2M Core 1.1 §6.3.5

/** Which operation a request asks for; undefined where it is none. Ids 65535 and above make no path. */
export function operationOf(request: DeviceRequest, model: DataModel): { name: OperationName; path: Path } | undefined {
  const path = parsePath(`/${request.segments.join('/')}`);
  if (path === undefined) return undefined;
  const name = nameOf(request, path, model);
  return name && { name, path };
}

function nameOf(request: DeviceRequest, path: Path, model: DataModel): OperationName | undefined {
  switch (request.method) {
    case 'GET':
      if (request.accept === formats.link) return 'discover';
      if (request.observe === undefined) return 'read';
      return request.observe === 0 ? 'observe' : 'cancel-observe';
    case 'PUT':
      return request.payload.length === 0 && request.contentFormat === undefined ? 'write-attributes' : 'write';
    case 'POST':
      if (path.length === 1) return 'create';
      return path.length === 3 && !isMultiple(model, path) ? 'execute' : 'write-partial';
    case 'DELETE':
      return 'delete';
    case 'FETCH':
      if (request.observe === undefined) return 'read-composite';
      return request.observe === 0 ? 'observe-composite' : 'cancel-observe-composite';
    case 'iPATCH':
      return 'write-composite';
    default:
      return undefined;
  }
}

function isMultiple(model: DataModel, path: Path): boolean {
  return model.lookup(path[0] ?? -1, path[2] ?? -1)?.multiple ?? false;
}

/** Carries requests out on the data model. */
export class Operations {
  readonly #parts: Parts;
  readonly #handlers: Readonly<Record<OperationName, (path: Path, request: DeviceRequest) => DeviceResponse>>;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#handlers = {
      read: (path, request) => this.#read(path, request),
      discover: (path) => this.#discover(path),
      observe: (path, request) => this.#observe(path, request),
      'cancel-observe': (path, request) => this.#cancel(request, () => this.#read(path, request)),
      write: (path, request) => this.#write(path, request, false),
      'write-partial': (path, request) => this.#write(path, request, true),
      'write-attributes': (path, request) => this.#writeAttributes(path, request),
      execute: (path, request) => this.#execute(path, request),
      create: (path, request) => this.#create(path, request),
      delete: (path) => this.#delete(path),
      'read-composite': (_, request) => this.#readComposite(request),
      'observe-composite': (_, request) => this.#observeComposite(request),
      'cancel-observe-composite': (_, request) => this.#cancel(request, () => this.#readComposite(request)),
      'write-composite': (_, request) => this.#writeComposite(request),
    };
  }

  /** Carries one operation out. */
  perform(name: OperationName, path: Path, request: DeviceRequest): DeviceResponse {
    if (path[0] === 0 || path[0] === 21) return { code: '4.01' }; // OMA LwM2M Core 1.1 §6.3: never for /0 and /21
    return this.#handlers[name](path, request);
  }

  /** The values that an observation reports now; an empty list where all of it is gone. */
  report(observation: Observation): Content {
    const values = observation.paths.flatMap((path) => this.#parts.model.read(path));
    const base = observation.composite ? [] : (observation.paths[0] ?? []);
    return this.#parts.contents.encode(observation.format, values, base);
  }

  #read(path: Path, request: DeviceRequest): DeviceResponse {
    const { model, contents } = this.#parts;
    if (path.length === 0) return { code: '4.05' };
    if (!model.has(path)) return { code: '4.04' };
    const values = model.read(path);
    if (path.length > 2 && values.length === 0 && !isReadable(model, path)) return { code: '4.05' };
    const format = contents.choose(request.accept, path);
    return format === '4.06' ? { code: '4.06' } : { code: '2.05', content: contents.encode(format, values, path) };
  }

  #discover(path: Path): DeviceResponse {
    const links = discover(this.#parts.model, this.#parts.attributes, path);
    if (links === undefined) return { code: path.length > 3 || path.length === 0 ? '4.05' : '4.04' };
    return { code: '2.05', content: { contentFormat: formats.link, payload: Buffer.from(links) } };
  }

  #observe(path: Path, request: DeviceRequest): DeviceResponse {
    return this.#startObserving(this.#read(path, request), [path], request, false);
  }

  #observeComposite(request: DeviceRequest): DeviceResponse {
    const paths = this.#parts.contents.decodePaths(request.contentFormat, request.payload);
    if (typeof paths === 'string') return { code: paths };
    return this.#startObserving(this.#readComposite(request), paths, request, true);
  }

  #startObserving(
    answer: DeviceResponse, paths: readonly Path[], request: DeviceRequest, composite: boolean,
  ): DeviceResponse {
    if (answer.content === undefined) return answer;
    const format = answer.content.contentFormat;
    const observation: Observation = { token: request.token, paths, composite, format, key: keyOf(request) };
    this.#parts.observations.add(observation);
    this.#parts.events.observed(observation);
    return { ...answer, observe: FIRST_OBSERVE };
  }

  #cancel(request: DeviceRequest, read: () => DeviceResponse): DeviceResponse {
    const { observations, events } = this.#parts;
    const removed = observations.remove(request.token) ?? observations.removeByKey(keyOf(request));
    if (removed !== undefined) events.cancelled(removed);
    return read();
  }

  #write(path: Path, request: DeviceRequest, partial: boolean): DeviceResponse {
    const { model, contents, events } = this.#parts;
    if (path.length < 2) return { code: path.length === 1 && !model.has(path) ? '4.04' : '4.05' };
    if (path.length === 2 && !model.has(path)) return { code: '4.04' };
    const values = contents.decode(request.contentFormat, request.payload, path);
    if (typeof values === 'string') return { code: values };
    const code = model.write(path, values, partial);
    if (code === '2.04') events.written(path, values, request.payload);
    return { code };
  }

  #writeAttributes(path: Path, request: DeviceRequest): DeviceResponse {
    if (!this.#parts.model.has(path)) return { code: '4.04' };
    const code = this.#parts.attributes.write(path, request.query);
    this.#parts.observations.rearm();
    return { code };
  }

  #execute(path: Path, request: DeviceRequest): DeviceResponse {
    const { model, events } = this.#parts;
    if (!model.has(path)) return { code: '4.04' };
    if (model.lookup(path[0] ?? -1, path[2] ?? -1)?.operations !== 'E') return { code: '4.05' };
    const args = Buffer.from(request.payload).toString();
    if (!ARGUMENTS.test(args)) return { code: '4.00' };
    events.executed(path, args);
    return { code: '2.04' };
  }

  #create(path: Path, request: DeviceRequest): DeviceResponse {
    const { model, contents, events } = this.#parts;
    const [object = -1] = path;
    if (!model.has(path)) return { code: '4.04' };
    const values = contents.decodeCreate(request.contentFormat, request.payload, object);
    if (typeof values === 'string') return { code: values };
    const created = model.create(object, values, values.find((value) => value.path.length > 1)?.path[1]);
    if (typeof created === 'string') return { code: created };
    events.created(created);
    return { code: '2.01', location: created };
  }

  #delete(path: Path): DeviceResponse {
    const code = this.#parts.model.delete(path);
    if (code === '2.02') this.#parts.events.deleted(path);
    return { code };
  }

  #readComposite(request: DeviceRequest): DeviceResponse {
    const { model, contents } = this.#parts;
    const paths = contents.decodePaths(request.contentFormat, request.payload);
    if (typeof paths === 'string') return { code: paths };
    const format = contents.choose(request.accept ?? request.contentFormat, undefined);
    if (format === '4.06') return { code: '4.06' };
    const values = paths.flatMap((path) => model.read(path)); // best effort: what isn't there is left out
    return { code: '2.05', content: contents.encode(format, values, []) };
  }

  #writeComposite(request: DeviceRequest): DeviceResponse {
    const { model, contents, events } = this.#parts;
    const values = contents.decode(request.contentFormat, request.payload, []);
    if (typeof values === 'string') return { code: values };
    const code = model.writeComposite(values);
    if (code === '2.04') events.written([], values, request.payload);
    return { code };
  }
}

/** What a cancel must repeat to be the same request (RFC 7641 §3.6, RFC 8132 §2.3). */
function keyOf(request: DeviceRequest): string {
  return `${request.method} ${request.segments.join('/')} ${Buffer.from(request.payload).toString('hex')}`;
}

function isReadable(model: DataModel, path: Path): boolean {
  return model.lookup(path[0] ?? -1, path[2] ?? -1)?.operations.includes('R') ?? false;
}
