/**
 * Reads object definition files (DDF) of the OMA LwM2M registry. Tolerates what the published files contain (see
 * ddf/README.md); anything else that isn't as LWM2M.xsd says is an error. What an operator adds passes here too.
 */
import { XMLParser, XMLValidator } from 'fast-xml-parser';
import type { ValueType } from '@cluster/contracts';
import { MAX_ID } from '../path.ts';
import type { ResourceDefinition } from '../values.ts';
import { parseVersion, type ObjectDefinition } from './definition.ts';

/** An object definition that can't be used; the message tells why. */
export class DdfError extends Error {
  readonly code = 'DDF_INVALID';
}

/** Parses one file with one object. Throws {@link DdfError}. */
export function parseDdf(xml: string): ObjectDefinition {
  const object = objectElement(xml);
  const id = parseId(text(object, 'ObjectID'), 'ObjectID');
  const urn = text(object, 'ObjectURN');
  const lwm2mVersion = text(object, 'LWM2MVersion');
  return {
    id,
    name: required(text(object, 'Name'), 'Name'),
    urn,
    version: objectVersion(text(object, 'ObjectVersion'), urn),
    ...(lwm2mVersion !== '' && { lwm2mVersion }),
    multiple: choice(object, 'MultipleInstances', 'Multiple', 'Single'),
    mandatory: choice(object, 'Mandatory', 'Mandatory', 'Optional'),
    resources: resources(object),
  };
}

/** Parses Common.xml: the reusable resources, which mean the same in every object. Throws {@link DdfError}. */
export function parseReusableResources(xml: string): ReadonlyMap<number, ResourceDefinition> {
  return resources(objectElement(xml));
}

type Element = Readonly<Record<string, unknown>>;

const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: '@',
  parseTagValue: false,
  parseAttributeValue: false,
  htmlEntities: true,
  isArray: (name) => name === 'Item' || name === 'Object',
});

function objectElement(xml: string): Element {
  const body = xml.replace(/^\uFEFF/, '').trim();
  const valid = XMLValidator.validate(body);
  if (valid !== true) throw new DdfError(`not well-formed XML: ${valid.err.msg} (line ${valid.err.line})`);
  const root = element(element(parser.parse(body), 'document')['LWM2M'], 'LWM2M');
  const objects = root['Object'];
  if (!Array.isArray(objects) || objects.length !== 1) throw new DdfError('a file defines exactly one Object');
  return element(objects[0], 'Object');
}

function resources(object: Element): ReadonlyMap<number, ResourceDefinition> {
  const list = object['Resources'];
  // An object without resources has an empty element, which the parser gives as text.
  const items = typeof list === 'string' ? [] : (element(list, 'Resources')['Item'] ?? []);
  const found = new Map<number, ResourceDefinition>();
  for (const item of items as unknown[]) {
    const resource = parseResource(element(item, 'Item'));
    if (found.has(resource.id)) throw new DdfError(`resource ${resource.id} is defined twice`);
    found.set(resource.id, resource);
  }
  return found;
}

function parseResource(item: Element): ResourceDefinition {
  const id = parseId(text(item, '@ID'), 'Item ID');
  const operations = parseOperations(text(item, 'Operations'), id);
  const unit = text(item, 'Units');
  const range = text(item, 'RangeEnumeration');
  return {
    id,
    name: required(text(item, 'Name'), `Name of resource ${id}`),
    type: operations === 'E' ? 'none' : parseType(text(item, 'Type'), id),
    multiple: choice(item, 'MultipleInstances', 'Multiple', 'Single'),
    operations,
    mandatory: choice(item, 'Mandatory', 'Mandatory', 'Optional'),
    ...(unit !== '' && { unit }),
    ...(range !== '' && { range }),
  };
}

const TYPES: Readonly<Record<string, ValueType>> = {
  String: 'string',
  Integer: 'integer',
  'Unsigned Integer': 'unsigned',
  Float: 'float',
  Boolean: 'boolean',
  Opaque: 'opaque',
  Time: 'time',
  Objlnk: 'objlnk',
  Corelnk: 'corelnk',
  // Readable, but the file names no type: taken as the content format itself tells.
  '': 'unknown',
};

function parseType(name: string, id: number): ValueType {
  const type = Object.hasOwn(TYPES, name) ? TYPES[name] : undefined;
  if (type === undefined) throw new DdfError(`resource ${id} has the unknown type "${name}"`);
  return type;
}

function parseOperations(name: string, id: number): ResourceDefinition['operations'] {
  if (name === '' || name === 'R' || name === 'W' || name === 'RW' || name === 'E') return name;
  throw new DdfError(`resource ${id} has the unknown operations "${name}"`);
}

function objectVersion(told: string, urn: string): string {
  // LwM2M 1.0 files carry no version; later ones repeat it at the end of the URN.
  const version = told || (/^urn:oma:lwm2m:[a-z]+:\d+:(.+)$/.exec(urn)?.[1] ?? '1.0');
  if (!parseVersion(version)) throw new DdfError(`"${version}" is no object version`);
  return version;
}

function parseId(value: string, what: string): number {
  const id = /^\d{1,5}$/.test(value) ? Number(value) : Number.NaN;
  if (!(id <= MAX_ID)) throw new DdfError(`${what} "${value}" is not within 0..${MAX_ID}`);
  return id;
}

/** True for `yes`, false for `no` or where the element is missing (Common.xml tells neither). */
function choice(parent: Element, name: string, yes: string, no: string): boolean {
  const value = text(parent, name);
  if (value !== yes && value !== no && value !== '') throw new DdfError(`${name} is "${value}"`);
  return value === yes;
}

function required(value: string, what: string): string {
  if (value === '') throw new DdfError(`${what} is missing`);
  return value;
}

/** Text of a child, without the blanks and line breaks that the files have round and inside it. */
function text(parent: Element, name: string): string {
  const value = parent[name];
  if (value === undefined) return '';
  if (typeof value !== 'string') throw new DdfError(`${name} occurs twice or is not text`);
  return value.replace(/\s+/g, ' ').trim();
}

function element(value: unknown, name: string): Element {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Element;
  throw new DdfError(`${name} is missing or occurs twice`);
}
