/**
 * The object model: definitions of objects in all their versions, parsed when a version is first asked for, and the
 * lookup that fits what one device announced. Knows no file system: the files come through a {@link DdfSource}.
 */
import type { ResourceDefinition, ResourceLookup } from '../values.ts';
import { defaultObjectVersion, type Lwm2mVersion } from './core-versions.ts';
import { DdfError, parseDdf, parseReusableResources } from './ddf.ts';
import { compareVersions, parseVersion, type ObjectDefinition, type ObjectVersion } from './definition.ts';

/** Where definition files come from. Names are `<object>-<major>_<minor>.xml`; others are left alone. */
export interface DdfSource {
  list(): readonly string[];
  read(name: string): string;
  /** Common.xml, the resources that mean the same in every object. */
  readReusable?(): string;
}

/** A definition file that could not be used. */
export interface DdfFault {
  readonly name: string;
  readonly message: string;
}

interface Entry extends ObjectVersion {
  readonly name: string;
  /** undefined: not parsed yet; null: can't be used. */
  definition: ObjectDefinition | null | undefined;
}

/** Ids below are each object's own (OMA LwM2M registry). */
const FIRST_REUSABLE = 2_048;

export class ObjectModel {
  /** Versions of each object, oldest first. */
  readonly #objects = new Map<number, Entry[]>();
  readonly #source: DdfSource;
  readonly #faults: DdfFault[] = [];
  #reusable: ReadonlyMap<number, ResourceDefinition> | undefined;

  constructor(source: DdfSource) {
    this.#source = source;
    for (const name of source.list()) this.#add(name);
    for (const versions of this.#objects.values()) versions.sort(compareVersions);
  }

  /** Ids of all objects that have a definition, ascending. */
  objects(): number[] {
    return [...this.#objects.keys()].sort((a, b) => a - b);
  }

  /** Versions of an object that have a definition, oldest first. */
  versions(object: number): string[] {
    return (this.#objects.get(object) ?? []).map(({ major, minor }) => `${major}.${minor}`);
  }

  /** Files that were asked for and could not be used; their versions are as if they weren't there. */
  get faults(): readonly DdfFault[] {
    return this.#faults;
  }

  /**
   * The definition that fits `version` best: this one; else the nearest lower minor of its major (a client's newer
   * resources are then unknown, all others right: minor versions only add, Core 1.1 §7.2.2); else the nearest higher
   * minor; else, for a major of which nothing is known, the version nearest below it, then above. undefined where the
   * object is unknown or `version` is no version.
   */
  definition(object: number, version: string): ObjectDefinition | undefined {
    const wanted = parseVersion(version);
    const versions = this.#objects.get(object);
    if (!wanted || !versions) return undefined;
    for (const entry of byFitness(versions, wanted)) {
      const definition = this.#load(entry);
      if (definition) return definition;
    }
    return undefined;
  }

  /**
   * Definitions as one device means them. `announced` holds the versions of its object links; an object without one has
   * the version of the client's enabler ({@link defaultObjectVersion}). A resource that its object does not name, or whose
   * object is unknown, is looked for among the reusable ones.
   */
  lookup(announced: ReadonlyMap<number, string>, lwm2mVersion: Lwm2mVersion): ResourceLookup {
    // Holds objects of the model only, so that a device's invented ids take no memory.
    const found = new Map<number, ObjectDefinition>();
    return (object, resource) => {
      let definition = found.get(object);
      if (!definition) {
        definition = this.definition(object, announced.get(object) ?? defaultObjectVersion(object, lwm2mVersion));
        if (definition) found.set(object, definition);
      }
      return definition?.resources.get(resource) ?? this.#reusableResource(resource);
    };
  }

  #reusableResource(resource: number): ResourceDefinition | undefined {
    if (resource < FIRST_REUSABLE) return undefined;
    this.#reusable ??= this.#source.readReusable ? parseReusableResources(this.#source.readReusable()) : new Map();
    return this.#reusable.get(resource);
  }

  #add(name: string): void {
    const match = /^(\d{1,5})-(\d{1,5})_(\d{1,5})\.xml$/.exec(name);
    if (!match) return;
    const [object, major, minor] = match.slice(1).map(Number) as [number, number, number];
    const versions = this.#objects.get(object) ?? [];
    versions.push({ major, minor, name, definition: undefined });
    this.#objects.set(object, versions);
  }

  #load(entry: Entry): ObjectDefinition | null {
    entry.definition ??= this.#parse(entry.name);
    return entry.definition;
  }

  #parse(name: string): ObjectDefinition | null {
    try {
      const definition = parseDdf(this.#source.read(name));
      if (ddfFileName(definition) !== name) throw new DdfError(`the file defines ${ddfFileName(definition)}`);
      return definition;
    } catch (error) {
      this.#faults.push({ name, message: error instanceof Error ? error.message : String(error) });
      return null;
    }
  }
}

/** The name under which the registry keeps a definition: `3-1_1.xml` for object 3 version 1.1. */
export function ddfFileName(definition: Pick<ObjectDefinition, 'id' | 'version'>): string {
  return `${definition.id}-${definition.version.replace('.', '_')}.xml`;
}

/** `versions` (oldest first), the one that fits best first. */
function byFitness(versions: readonly Entry[], wanted: ObjectVersion): Entry[] {
  const inMajor = versions.filter((v) => v.major === wanted.major);
  const other = versions.filter((v) => v.major !== wanted.major);
  return [inMajor, other].flatMap((group) => {
    const above = group.filter((v) => compareVersions(v, wanted) > 0);
    const below = group.filter((v) => compareVersions(v, wanted) <= 0);
    return [...below.reverse(), ...above];
  });
}
