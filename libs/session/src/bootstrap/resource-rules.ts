/** What the object model says of an operator's resources: types, ranges, what may not be missing. */
import type { BootstrapResource } from '@cluster/contracts';
import { fromJsonValue, type ObjectDefinition, type ResourceDefinition, type Value } from '@cluster/lwm2m';
import type { ProvisionedResource } from './bootstrap-desk.ts';

/** What is wrong with which field of a document. */
export interface DocumentFault {
  readonly path: string;
  readonly message: string;
}

/** Of these objects the bootstrap server alone writes what is mandatory. */
const BOOTSTRAP_OBJECTS: readonly number[] = [0, 1, 2, 21];

/** The resource in the form that is written to devices, or what is wrong with it. */
export function typedResource(given: BootstrapResource, definition: ObjectDefinition | undefined): ProvisionedResource | string {
  const known = definition?.resources.get(given.id);
  if (known?.type === 'none') return `${known.name} is executed, not written`;
  const type = known?.type ?? given.type;
  if (type === undefined || type === 'unknown') return 'the object model does not know it: give it a type';
  if (given.type !== undefined && given.type !== type) return `its type is ${type}`;
  if (known !== undefined && known.multiple !== (given.instance !== undefined)) {
    return known.multiple ? `${known.name} is a multiple resource: name the instance` : `${known.name} has no instances`;
  }
  const value = fromJsonValue(given.value, type);
  if (value === undefined || value === null) return `is no ${type}`;
  const outside = known === undefined ? undefined : rangeFault(known, value);
  if (outside !== undefined) return outside;
  return { id: given.id, ...(given.instance === undefined ? {} : { instance: given.instance }), type, value };
}

/** Resources that an instance can not be without, and that its device does not fill in itself. */
export function missingResources(definition: ObjectDefinition, given: readonly { readonly id: number }[]): ResourceDefinition[] {
  return [...definition.resources.values()].filter(({ id, mandatory, operations, type }) => {
    const ours = operations.includes('W') || BOOTSTRAP_OBJECTS.includes(definition.id);
    return mandatory && ours && type !== 'none' && operations !== 'E' && !given.some((each) => each.id === id);
  });
}

const BOUNDS = /^(-?\d+(?:\.\d+)?)\s*(?:\.\.|-)\s*(-?\d+(?:\.\d+)?)(?:\s*bytes)?$/;
const LIST = /^-?\d+(?:\s*,\s*-?\d+)+$/;

/** DDF ranges are free text: what is no range of numbers, list of numbers or length is not checked. */
function rangeFault({ name, range, type }: ResourceDefinition, value: Value): string | undefined {
  if (range === undefined) return undefined;
  const bounds = BOUNDS.exec(range);
  if (typeof value === 'number' || typeof value === 'bigint') {
    const number = Number(value);
    const allowed = LIST.test(range) ? range.split(',').map(Number).includes(number) : bounds === null || (Number(bounds[1]) <= number && number <= Number(bounds[2]));
    return allowed ? undefined : `${name} is ${range}`;
  }
  if (bounds === null || (type !== 'string' && type !== 'opaque')) return undefined;
  const length = value instanceof Uint8Array ? value.length : new TextEncoder().encode(String(value)).length;
  return Number(bounds[1]) <= length && length <= Number(bounds[2]) ? undefined : `${name} has ${range} bytes`;
}
