/** Between SenML records and values of resources: names to paths, times kept, instances without resources. */
import { type Path, formatPath, parsePath } from '../path.ts';
import type { ResourceLookup, ResourceValue } from '../values.ts';
import { fromBase64 } from './base64.ts';
import { knownType, resourceValue } from './convert.ts';
import { ContentError, Malformed } from './faults.ts';
import { type SenmlFields, type SenmlRecord, SenmlResolver } from './senml-record.ts';

/** One record to be written. */
export interface OutgoingRecord {
  readonly bn: string | undefined;
  readonly n: string | undefined;
  readonly t: number | undefined;
  readonly value: ResourceValue | undefined;
}

export interface PackReading {
  readonly lookup: ResourceLookup;
  readonly nowS: number | undefined;
  readonly root: string | undefined;
  /** SenML-ETCH: null deletes (RFC 8790). */
  readonly nulls: boolean;
}

/** Values of a SenML pack. Throws {@link Malformed}. */
export function readPack(records: readonly SenmlFields[], { lookup, nowS, root, nulls }: PackReading): ResourceValue[] {
  const resolver = new SenmlResolver(nowS);
  const values: ResourceValue[] = [];
  const bare: Path[] = [];
  for (const fields of records) {
    const record = resolver.resolve(fields);
    if (record.value !== undefined) {
      if (record.value === null && !nulls) throw new Malformed('MALFORMED', 'null outside SenML-ETCH');
      values.push(resourceValue(valuePath(record, root, nulls), record.value, lookup, record.time));
    } else if (record.named || records.length === 1) {
      bare.push(pathOf(record.name, root));
    }
  }
  return bare.length === 0 ? values : [...values, ...emptyInstances(bare, values)];
}

/** Values of LwM2M 1.0 JSON: names may be relative to the request's path, and opaque values are base64 strings. */
export function readLwm2mPack(records: readonly SenmlFields[], base: Path, { lookup, nowS, root }: PackReading): ResourceValue[] {
  const resolver = new SenmlResolver(nowS);
  return records.map((fields) => {
    const record = resolver.resolve(fields);
    const name = record.name.startsWith('/') ? record.name : `${formatPath(base)}${record.name === '' ? '' : `/${record.name}`}`;
    const path = pathOf(name, root);
    if (record.value === undefined || path.length < 3) throw new Malformed('VALUE_MISSING', 'a LwM2M JSON entry without a value of a resource');
    const opaque = typeof record.value === 'string' && knownType(path, lookup) === 'opaque' ? fromBase64(record.value) : undefined;
    return resourceValue(path, opaque ?? record.value, lookup, record.time);
  });
}

/** Paths that a Read-Composite or Observe-Composite asks for. */
export function readPackPaths(records: readonly SenmlFields[], root: string | undefined): Path[] {
  const resolver = new SenmlResolver();
  const paths: Path[] = [];
  for (const fields of records) {
    const record = resolver.resolve(fields);
    if (record.named || record.name !== '') paths.push(pathOf(record.name, root));
  }
  return paths;
}

/** Records of values under `base`: its path as the base name, then what is below it. */
export function packRecords(values: readonly ResourceValue[], base: Path, root: string, nulls: boolean): OutgoingRecord[] {
  const below = values.every((value) => value.path.length > base.length);
  const bn = base.length === 0 ? root || undefined : root + formatPath(base) + (below ? '/' : '');
  return values.map((value, index) => {
    const rest = value.path.slice(base.length).join('/');
    const n = rest === '' ? undefined : below && base.length > 0 ? rest : `/${rest}`;
    return { bn: index === 0 ? bn : undefined, n, t: value.time, value: written(value, nulls) };
  });
}

export function pathRecords(paths: readonly Path[], root: string): OutgoingRecord[] {
  return paths.map((path) => ({ bn: undefined, n: root && path.length === 0 ? root : root + formatPath(path), t: undefined, value: undefined }));
}

function written(value: ResourceValue, nulls: boolean): ResourceValue | undefined {
  if (value.value !== null || nulls) return value;
  if (value.path.length !== 2) throw new ContentError('CONTENT_VALUE', `${formatPath(value.path)}: null needs SenML-ETCH`);
  return undefined;
}

function valuePath({ name, value }: SenmlRecord, root: string | undefined, nulls: boolean): Path {
  const path = pathOf(name, root);
  if (path.length < 3 && !(nulls && value === null && path.length > 0)) throw new Malformed('BAD_PATH', 'a SenML value without its resource');
  return path;
}

/** Instances that the pack names without any value. */
function emptyInstances(bare: readonly Path[], values: readonly ResourceValue[]): ResourceValue[] {
  const filled = new Set(values.map(({ path }) => `${path[0]}/${path[1]}`));
  const empty: ResourceValue[] = [];
  for (const path of bare) {
    if (path.length > 2) throw new Malformed('VALUE_MISSING', `${formatPath(path)} without a value`);
    const key = path.join('/');
    if (path.length < 2 || filled.has(key)) continue;
    filled.add(key);
    empty.push({ path, type: 'unknown', value: null });
  }
  return empty;
}

function pathOf(name: string, root: string | undefined): Path {
  const path = parsePath(name.length > 1 && name.endsWith('/') ? stripRoot(name.slice(0, -1), root) : stripRoot(name, root));
  if (path === undefined) throw new Malformed('BAD_PATH', `${JSON.stringify(name.slice(0, 40))} is no path`);
  return path;
}

function stripRoot(name: string, root: string | undefined): string {
  if (root === undefined || root === '' || root === '/' || !name.startsWith(root)) return name;
  if (name.length === root.length) return '/';
  return name[root.length] === '/' ? name.slice(root.length) : name;
}
