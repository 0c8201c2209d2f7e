/**
 * LwM2M CBOR (OMA LwM2M Core 1.2 §7.4.4): nested maps whose keys are ids, or arrays of ids for several levels at once.
 * Ids start with the object, or below the target of a Write or Create.
 */
import { MAX_ID, type Path, formatPath } from '../path.ts';
import type { ResourceLookup, ResourceValue } from '../values.ts';
import { CborReader, Major } from './cbor-reader.ts';
import { CborWriter } from './cbor-writer.ts';
import { resourceValue } from './convert.ts';
import { ContentError, MAX_VALUES, Malformed } from './faults.ts';

const MAX_LEVELS = 4;

/** Values of a payload whose ids start below `start`. Throws {@link Malformed}. */
export function readLwm2mCbor(bytes: Uint8Array, start: Path, lookup: ResourceLookup): ResourceValue[] {
  const reader = new CborReader(bytes);
  const values: ResourceValue[] = [];
  const take = (value: ResourceValue) => {
    if (values.length === MAX_VALUES) throw new Malformed('TOO_MANY_VALUES', `more than ${MAX_VALUES} values`);
    values.push(value);
  };
  if (start.length === MAX_LEVELS || reader.major !== Major.MAP) take(leaf(reader, start, lookup));
  else readMap(reader, start, lookup, take);
  reader.end();
  return values;
}

/** Paths that a Read-Composite or Observe-Composite asks for: keys with null as their value. */
export function readLwm2mCborPaths(bytes: Uint8Array): Path[] {
  return readLwm2mCbor(bytes, [], () => undefined).map(({ path, value }) => {
    if (value !== null) throw new Malformed('MALFORMED', 'a value where a path is asked for');
    return path;
  });
}

export function writeLwm2mCbor(values: readonly ResourceValue[], start: Path): Uint8Array {
  const writer = new CborWriter();
  const tree = grow(values, start);
  if (tree instanceof Map) {
    writer.map(tree.size);
    for (const [id, below] of tree) writeChain(writer, [id], below);
  } else {
    writer.value(tree);
  }
  return writer.finish();
}

export function writeLwm2mCborPaths(paths: readonly Path[]): Uint8Array {
  const writer = new CborWriter();
  writer.map(paths.length);
  for (const path of paths) {
    if (path.length === 0) throw new ContentError('CONTENT_PATH', 'LwM2M CBOR has no key for the root');
    writeKey(writer, path);
    writer.simple(null);
  }
  return writer.finish();
}

function readMap(reader: CborReader, path: Path, lookup: ResourceLookup, take: (value: ResourceValue) => void): void {
  let left = reader.open(Major.MAP);
  let empty = true;
  for (; reader.more(left); left--) {
    empty = false;
    const below = readKey(reader, path);
    if (reader.major !== Major.MAP) take(leaf(reader, below, lookup));
    else if (below.length < MAX_LEVELS) readMap(reader, below, lookup, take);
    else throw new Malformed('TOO_DEEP', `${formatPath(below)} holds a map`);
  }
  if (empty && path.length >= 2) take({ path, type: 'unknown', value: null });
}

function leaf(reader: CborReader, path: Path, lookup: ResourceLookup): ResourceValue {
  const value = reader.scalar();
  if (path.length < 3 && value !== null) throw new Malformed('BAD_PATH', `${formatPath(path)} holds a value`);
  return resourceValue(path, value, lookup);
}

function readKey(reader: CborReader, path: Path): Path {
  const key = [...path];
  if (reader.major === Major.ARRAY) {
    for (let left = reader.open(Major.ARRAY); reader.more(left); left--) key.push(readId(reader, key));
    if (key.length === path.length) throw new Malformed('BAD_PATH', 'an empty LwM2M CBOR key');
  } else {
    key.push(readId(reader, key));
  }
  return key;
}

function readId(reader: CborReader, path: Path): number {
  if (path.length === MAX_LEVELS) throw new Malformed('TOO_DEEP', `a key below ${formatPath(path)}`);
  const id = reader.major === Major.UNSIGNED ? reader.scalar() : undefined;
  if (typeof id !== 'number' || id > MAX_ID) throw new Malformed('BAD_PATH', 'a LwM2M CBOR key is no id');
  return id;
}

/** A value, or what lies below each id. */
type Tree = ResourceValue | Map<number, Tree>;

function grow(values: readonly ResourceValue[], start: Path): Tree {
  const [first] = values;
  if (first !== undefined && first.path.length === start.length && first.path.length >= 3 && first.value !== null) return first;
  const tree = new Map<number, Tree>();
  for (const value of values) graft(tree, value, start.length);
  return tree;
}

function graft(tree: Map<number, Tree>, value: ResourceValue, level: number): void {
  let at = tree;
  for (; level < value.path.length - 1; level++) {
    const id = value.path[level]!;
    const below = at.get(id) ?? new Map<number, Tree>();
    if (!(below instanceof Map)) throw conflict(value);
    at.set(id, below);
    at = below;
  }
  if (level >= value.path.length) return;
  const id = value.path[level]!;
  if (at.has(id)) throw conflict(value);
  at.set(id, isEmptyContainer(value) ? new Map() : value);
}

/** An instance without resources; null for anything else stays null. */
function isEmptyContainer({ path, type, value }: ResourceValue): boolean {
  return value === null && type === 'unknown' && path.length === 2;
}

function conflict({ path }: ResourceValue): ContentError {
  return new ContentError('CONTENT_PATH', `${formatPath(path)} is there twice, or has something below it`);
}

/** Outermost levels with one id each go into one array key, as the examples of §7.4.4 have it. */
function writeChain(writer: CborWriter, key: number[], below: Tree): void {
  let rest = below;
  while (rest instanceof Map && rest.size === 1) {
    const [[id, next]] = rest as unknown as [[number, Tree]];
    key.push(id);
    rest = next;
  }
  writeKey(writer, key);
  writeTree(writer, rest);
}

function writeTree(writer: CborWriter, tree: Tree): void {
  if (!(tree instanceof Map)) {
    writer.value(tree);
    return;
  }
  writer.map(tree.size);
  for (const [id, below] of tree) {
    writer.integer(id);
    writeTree(writer, below);
  }
}

function writeKey(writer: CborWriter, key: Path): void {
  if (key.length > 1) writer.array(key.length);
  for (const id of key) writer.integer(id);
}
