/** The values of a command, typed by the object model of the device they are for. */
import type { CommandRequest, WriteValue } from '@cluster/contracts';
import { fromJsonValue } from '../content/json-value.ts';
import { parsePath } from '../path.ts';
import type { ResourceLookup, ResourceValue } from '../values.ts';
import type { CommandFault } from './check-command.ts';

/** Types each value of a well-formed command; a fault for each that has no type or does not fit it. */
export function writeValues(command: CommandRequest, lookup: ResourceLookup): { values: ResourceValue[]; faults: CommandFault[] } {
  const values: ResourceValue[] = [];
  const faults: CommandFault[] = [];
  for (const [field, given] of givenValues(command)) {
    const value = typed(given, command.op === 'write-composite', lookup);
    if (typeof value === 'string') faults.push({ path: field, message: value });
    else values.push(value);
  }
  return { values, faults };
}

function givenValues({ path = '/', value, values }: CommandRequest): [field: string, value: WriteValue][] {
  if (value !== undefined) return [['value', { path, value }]];
  return (values ?? []).map((given, i) => [`values.${i}.value`, given]);
}

/** The typed value, or what is wrong with it. */
function typed({ path: text, value: json, type: told }: WriteValue, mayDelete: boolean, lookup: ResourceLookup): ResourceValue | string {
  const path = parsePath(text) ?? [];
  if (json === null && mayDelete) return { path, type: 'unknown', value: null };
  const [object, , resource] = path as [number, number, number];
  const known = lookup(object, resource)?.type;
  const type = told ?? (known === 'none' || known === 'unknown' ? undefined : known);
  if (type === undefined) return `the object model gives ${text} no type: give values with one`;
  const value = fromJsonValue(json, type);
  return value === undefined ? `is no ${type}` : { path, type, value };
}
