import type { Path } from '@cluster/lwm2m';
import { beforeEach, describe, expect, it } from 'vitest';
import { DataModel } from './data-model.ts';
import { resource, type ObjectSpec } from './objects.ts';

const SPEC: ObjectSpec = {
  id: 9, name: 'Test', multiple: true,
  resources: [
    resource(0, 'Mandatory', 'RW', 'string', 'm', { mandatory: true }),
    resource(1, 'Optional', 'RW', 'integer', 1),
    resource(2, 'Read-only', 'R', 'integer', 2),
    resource(3, 'Executable', 'E', 'none'),
    resource(4, 'Multiple', 'RW', 'integer', new Map([[0, 10], [1, 11]])),
    resource(5, 'Write-only', 'W', 'opaque'),
  ],
};

let model: DataModel;
let changes: Path[];

beforeEach(() => {
  changes = [];
  model = new DataModel([SPEC], (changed) => changes.push(...changed));
});

const integer = (path: Path, value: number) => ({ path, type: 'integer', value }) as const;
const text = (path: Path, value: string) => ({ path, type: 'string', value }) as const;

describe('write', () => {
  it('replaces an instance: optional resources go, others stay', () => {
    expect(model.write([9, 0], [text([9, 0, 0], 'new')], false)).toBe('2.04');
    expect(model.read([9, 0]).map((value) => value.path.join('/'))).toEqual(['9/0/0', '9/0/2']);
  });

  it('adds to an instance when partial', () => {
    expect(model.write([9, 0], [integer([9, 0, 4, 2], 12)], true)).toBe('2.04');
    expect(model.resourceInstancesOf([9, 0, 4])).toEqual([0, 1, 2]);
    expect(model.valueAt([9, 0, 1])).toBe(1);
  });

  it('replaces a multiple resource', () => {
    expect(model.write([9, 0, 4], [integer([9, 0, 4, 7], 70)], false)).toBe('2.04');
    expect(model.resourceInstancesOf([9, 0, 4])).toEqual([7]);
  });

  it.each([
    { target: [9], values: [], code: '4.05' },
    { target: [8], values: [], code: '4.04' },
    { target: [9, 1], values: [], code: '4.04' },
    { target: [9, 0, 2], values: [integer([9, 0, 2], 3)], code: '4.05' },
    { target: [9, 0, 9], values: [integer([9, 0, 9], 3)], code: '4.04' },
    { target: [9, 0], values: [integer([9, 0, 1], 3), integer([9, 0, 2], 3)], code: '4.05' },
  ])('refuses $target with $code and changes nothing', ({ target, values, code }) => {
    const before = model.read([9]);
    expect(model.write(target, values, true)).toBe(code);
    expect(model.read([9])).toEqual(before);
    expect(changes).toEqual([]);
  });
});

describe('create and delete', () => {
  it('gives the first free id', () => {
    expect(model.create(9, [text([9, 1, 0], 'a')])).toEqual([9, 1]);
    expect(model.create(9, [text([9, 5, 0], 'b')], 5)).toEqual([9, 5]);
    expect(model.instancesOf(9)).toEqual([0, 1, 5]);
  });

  it('refuses an instance without its mandatory resources', () => {
    expect(model.create(9, [integer([9, 1, 1], 3)])).toBe('4.00');
    expect(model.instancesOf(9)).toEqual([0]);
  });

  it('deletes instances and resource instances, nothing else', () => {
    expect(model.delete([9, 0, 4, 1])).toBe('2.02');
    expect(model.resourceInstancesOf([9, 0, 4])).toEqual([0]);
    expect(model.delete([9, 0, 1])).toBe('4.05');
    expect(model.delete([9, 0])).toBe('2.02');
    expect(model.delete([9, 0])).toBe('4.04');
  });
});

describe('read', () => {
  it('gives what is readable', () => {
    expect(model.read([9, 0]).map((value) => value.path.join('/'))).toEqual([
      '9/0/0', '9/0/1', '9/0/2', '9/0/4/0', '9/0/4/1',
    ]);
    expect(model.read([9, 0, 4, 1])).toEqual([integer([9, 0, 4, 1], 11)]);
    expect(model.read([9, 0, 3])).toEqual([]);
  });
});
