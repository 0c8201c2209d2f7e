/** For the tests of content formats: an object model in a few lines. */
import type { ValueType } from '@cluster/contracts';
import type { ResourceDefinition, ResourceLookup } from '../src/values.ts';

/** Types of resources by "object/resource"; a trailing "[]" tells a multiple resource. */
export function model(types: Readonly<Record<string, ValueType | `${ValueType}[]`>>): ResourceLookup {
  const definitions = new Map(Object.entries(types).map(([key, type]) => [key, definition(Number(key.split('/')[1]), type)]));
  return (object, resource) => definitions.get(`${object}/${resource}`);
}

function definition(id: number, type: string): ResourceDefinition {
  const multiple = type.endsWith('[]');
  return { id, name: `r${id}`, type: (multiple ? type.slice(0, -2) : type) as ValueType, multiple, operations: 'RW', mandatory: false };
}

/** The resources of the core objects that the examples of OMA LwM2M Core use. */
export const coreModel = model({
  '1/0': 'integer', '1/1': 'integer', '1/2': 'integer', '1/3': 'integer', '1/5': 'integer', '1/6': 'boolean', '1/7': 'string',
  '2/0': 'integer', '2/1': 'integer', '2/2': 'integer[]', '2/3': 'integer',
  '3/0': 'string', '3/1': 'string', '3/2': 'string', '3/3': 'string', '3/6': 'integer[]', '3/7': 'integer[]', '3/8': 'integer[]',
  '3/9': 'integer', '3/10': 'integer', '3/11': 'integer[]', '3/13': 'time', '3/14': 'string', '3/15': 'string', '3/16': 'string',
  '4/2': 'integer', '5/0': 'opaque', '5/1': 'string', '6/0': 'float', '6/1': 'float', '10/14': 'integer',
  '16/0': 'string[]', '65/0': 'objlnk[]', '65/1': 'string', '65/2': 'integer', '66/0': 'string', '66/1': 'string', '66/2': 'objlnk',
  '72/2': 'float', '3308/5900': 'float', '3311/5850': 'boolean', '3311/5851': 'integer',
});
