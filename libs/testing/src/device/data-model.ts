/** The resource tree of a simulated device: reads, writes, creations and deletions, with the codes that a device answers. */
import type { Path, ResourceDefinition, ResourceLookup, ResourceValue, Value } from '@cluster/lwm2m';
import type { ObjectSpec, ResourceSpec } from './objects.ts';

/** What an operation did: a success code (2.xx) or why not (4.xx). */
export type Outcome = string;

/** A resource holds one value or, where it is multiple, its instances. */
type Content = Value | Map<number, Value>;
type Instance = Map<number, Content>;

interface ObjectState {
  readonly spec: ObjectSpec;
  readonly definitions: ReadonlyMap<number, ResourceSpec>;
  readonly instances: Map<number, Instance>;
}

/** Paths that changed, as the model tells them. */
export type ChangeListener = (changed: readonly Path[]) => void;

/** All objects of one device. */
export class DataModel {
  readonly #objects = new Map<number, ObjectState>();
  readonly #onChange: ChangeListener;

  constructor(specs: readonly ObjectSpec[], onChange: ChangeListener) {
    this.#onChange = onChange;
    for (const spec of specs) this.#objects.set(spec.id, stateOf(spec));
  }

  /** Definition of a resource, for the codecs. */
  readonly lookup: ResourceLookup = (object, resource) => this.#objects.get(object)?.definitions.get(resource);

  /** Objects in the order of their ids. */
  objects(): ObjectSpec[] {
    return [...this.#objects.values()].map((state) => state.spec).sort((a, b) => a.id - b.id);
  }

  /** Ids of an object's instances; undefined where the device has no such object. */
  instancesOf(object: number): number[] | undefined {
    const state = this.#objects.get(object);
    return state && [...state.instances.keys()].sort((a, b) => a - b);
  }

  /** Definitions of an object's resources that the device has: those with a value and the executable ones. */
  resourcesOf(object: number, instance: number): ResourceDefinition[] {
    const state = this.#objects.get(object);
    const content = state?.instances.get(instance);
    if (state === undefined || content === undefined) return [];
    return [...state.definitions.values()].filter((d) => content.has(d.id) || d.operations === 'E' || d.operations === 'W');
  }

  /** Ids of a multiple resource's instances; undefined where it isn't multiple or isn't there. */
  resourceInstancesOf(path: Path): number[] | undefined {
    const content = this.#contentOf(path);
    return content instanceof Map ? [...content.keys()] : undefined;
  }

  /** Whether the path names something that the device has. */
  has(path: Path): boolean {
    const [object, instance, resource, resourceInstance] = path;
    const state = this.#objects.get(object ?? -1);
    if (state === undefined || instance === undefined) return state !== undefined;
    if (resource === undefined) return state.instances.has(instance);
    if (resourceInstance !== undefined) return this.resourceInstancesOf(path)?.includes(resourceInstance) ?? false;
    return this.resourcesOf(state.spec.id, instance).some((d) => d.id === resource);
  }

  /** Readable values at or under the path; the empty path is the root. */
  read(path: Path): ResourceValue[] {
    if (path.length === 0) return this.objects().flatMap(({ id }) => this.read([id]));
    const [object, instance, resource, resourceInstance] = path;
    const state = this.#objects.get(object ?? -1);
    if (state === undefined) return [];
    return [...state.instances]
      .filter(([id]) => instance === undefined || id === instance)
      .sort(([a], [b]) => a - b)
      .flatMap(([id, content]) => readInstance(state, id, content, resource))
      .filter((value) => resourceInstance === undefined || value.path[3] === resourceInstance);
  }

  /** The value at a resource or resource instance. */
  valueAt(path: Path): Value | undefined {
    const content = this.#contentOf(path);
    return content instanceof Map ? content.get(path[3] ?? 0) : content;
  }

  /** Sets a value as the device itself does: no access rules. Undefined where the path names no resource. */
  set(path: Path, value: Value): boolean {
    const [object = -1, instance = -1, resource = -1] = path;
    const state = this.#objects.get(object);
    const definition = state?.definitions.get(resource);
    const content = state?.instances.get(instance);
    if (definition === undefined || content === undefined) return false;
    put(content, definition, { path, type: 'unknown', value });
    this.#onChange([path]);
    return true;
  }

  /**
   * Write by a server, all or nothing (OMA LwM2M Core 1.1 §6.3.3): replaces the instance's or multiple resource's
   * content, or, when `partial`, adds to it.
   */
  write(target: Path, values: readonly ResourceValue[], partial: boolean): Outcome {
    const refusal = this.refusalOfWrite(target, values);
    if (refusal !== undefined) return refusal;
    const [object = -1, instance = -1, resource] = target;
    const state = this.#objects.get(object) as ObjectState;
    const content = state.instances.get(instance) as Instance;
    if (!partial && target.length < 4) clearForReplace(state, content, resource, values);
    this.#putAll(values);
    return '2.04';
  }

  /** Why a server may not write these values at the target; undefined where it may. */
  refusalOfWrite(target: Path, values: readonly ResourceValue[]): Outcome | undefined {
    if (target.length < 2) return this.#objects.has(target[0] ?? -1) ? '4.05' : '4.04';
    if (!this.#objects.get(target[0] ?? -1)?.instances.has(target[1] ?? -1)) return '4.04';
    return this.refusalOfValues(values, target.length > 2);
  }

  /** Why these values may not be written, each by itself. */
  refusalOfValues(values: readonly ResourceValue[], strict: boolean): Outcome | undefined {
    for (const { path } of values) {
      const state = this.#objects.get(path[0] ?? -1);
      const definition = state?.definitions.get(path[2] ?? -1);
      if (!state?.instances.has(path[1] ?? -1) || (definition === undefined && strict)) return '4.04';
      if (definition !== undefined && !definition.operations.includes('W')) return '4.05';
      if (definition !== undefined && path.length === 4 && !definition.multiple) return '4.05';
    }
    return undefined;
  }

  /** Write-Composite: all or nothing; null deletes a resource instance (RFC 8790). */
  writeComposite(values: readonly ResourceValue[]): Outcome {
    const refusal = this.refusalOfValues(values, true);
    if (refusal !== undefined) return refusal;
    this.#putAll(values);
    return '2.04';
  }

  /** The id that the device gives to the next instance of an object. */
  freeInstance(object: number): number {
    return firstFree(this.#objects.get(object)?.instances ?? new Map());
  }

  /** Create by a server. Returns the new path where it worked. */
  create(object: number, values: readonly ResourceValue[], instanceId?: number): Outcome | Path {
    const state = this.#objects.get(object);
    if (state === undefined) return '4.04';
    if (!state.spec.multiple && state.instances.size > 0) return '4.05';
    const instance = instanceId ?? firstFree(state.instances);
    if (state.instances.has(instance)) return '4.00';
    const content: Instance = new Map();
    for (const value of values) {
      const definition = state.definitions.get(value.path[2] ?? -1);
      if (definition !== undefined) put(content, definition, value);
    }
    const missing = [...state.definitions.values()].some((d) => d.mandatory && d.operations === 'RW' && !content.has(d.id));
    if (missing) return '4.00'; // OMA LwM2M Core 1.1 §6.3.6: mandatory resources must come with the instance
    state.instances.set(instance, content);
    this.#onChange([[object, instance]]);
    return [object, instance];
  }

  /** Delete by a server: an instance, or a resource instance (1.2). */
  delete(path: Path): Outcome {
    const [object = -1, instance = -1, , resourceInstance] = path;
    if (path.length === 4) return this.#deleteResourceInstance(path, resourceInstance ?? -1);
    if (path.length !== 2 || object === 3) return '4.05';
    if (!this.#objects.get(object)?.instances.delete(instance)) return '4.04';
    this.#onChange([path]);
    return '2.02';
  }

  #deleteResourceInstance(path: Path, id: number): Outcome {
    const content = this.#contentOf(path);
    if (!(content instanceof Map) || !content.delete(id)) return '4.04';
    this.#onChange([path]);
    return '2.02';
  }

  #putAll(values: readonly ResourceValue[]): void {
    for (const value of values) {
      const state = this.#objects.get(value.path[0] ?? -1);
      const definition = state?.definitions.get(value.path[2] ?? -1);
      const content = state?.instances.get(value.path[1] ?? -1);
      if (definition !== undefined && content !== undefined) put(content, definition, value);
    }
    this.#onChange(values.map((value) => value.path));
  }

  #contentOf(path: Path): Content | undefined {
    return this.#objects.get(path[0] ?? -1)?.instances.get(path[1] ?? -1)?.get(path[2] ?? -1);
  }
}

function stateOf(spec: ObjectSpec): ObjectState {
  const definitions = new Map(spec.resources.map((r) => [r.id, r]));
  const instances = new Map((spec.instances ?? [0]).map((id) => [id, firstContent(spec)]));
  return { spec, definitions, instances };
}

function firstContent(spec: ObjectSpec): Instance {
  const content: Instance = new Map();
  for (const { id, value } of spec.resources) {
    if (value !== undefined) content.set(id, value instanceof Map ? new Map(value) : (value as Value));
  }
  return content;
}

function readInstance(state: ObjectState, id: number, content: Instance, resource?: number): ResourceValue[] {
  return [...state.definitions.values()]
    .filter((d) => (resource === undefined || d.id === resource) && d.operations.includes('R'))
    .flatMap((d) => valuesOf([state.spec.id, id, d.id], d, content.get(d.id)));
}

function valuesOf(path: Path, definition: ResourceDefinition, content: Content | undefined): ResourceValue[] {
  const type = definition.type === 'none' ? 'unknown' : definition.type;
  if (content === undefined) return [];
  if (!(content instanceof Map)) return [{ path, type, value: content }];
  return [...content].map(([id, value]) => ({ path: [...path, id], type, value }));
}

/** What a Write with "replace" takes away first: optional resources, and the instances of multiple ones that come anew. */
function clearForReplace(
  state: ObjectState, content: Instance, resource: number | undefined, values: readonly ResourceValue[],
): void {
  for (const { id, operations, mandatory, multiple } of state.definitions.values()) {
    if (resource !== undefined && resource !== id) continue;
    const replaced = multiple && (resource !== undefined || values.some((value) => value.path[2] === id));
    if (replaced || (operations === 'RW' && !mandatory)) content.delete(id);
  }
}

function put(content: Instance, definition: ResourceDefinition, { path, value }: ResourceValue): void {
  if (!definition.multiple) {
    content.set(definition.id, value);
    return;
  }
  const old = content.get(definition.id);
  const instances = old instanceof Map ? old : new Map<number, Value>();
  if (value === null) instances.delete(path[3] ?? 0);
  else instances.set(path[3] ?? 0, value);
  content.set(definition.id, instances);
}

function firstFree(instances: ReadonlyMap<number, unknown>): number {
  let id = 0;
  while (instances.has(id)) id += 1;
  return id;
}
