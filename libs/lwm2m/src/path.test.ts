import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_ID, formatPath, isUnder, parsePath, type Path } from './path.ts';

const path = fc.array(fc.nat({ max: MAX_ID }), { maxLength: 4 });

describe('paths', () => {
  it.each<[string, Path]>([['/', []], ['/0', [0]], ['/3/0', [3, 0]], ['/3/0/1', [3, 0, 1]], ['/65534/65534/65534/65534', [MAX_ID, MAX_ID, MAX_ID, MAX_ID]]])('read %j', (text, ids) => {
    expect(parsePath(text)).toEqual(ids);
    expect(formatPath(ids)).toBe(text);
  });

  // OMA LwM2M Core 1.1 §7.3: 65535 is reserved
  it.each(['', '3', '3/0', '/3/', '//', '/3//0', '/03', '/+3', '/-1', '/3.0', '/65535', '/100000', '/0/0/0/0/0', '/3/0 ', ' /3', '/a', '/3/0\n', '/٣', '/0x3', '/1e3'])('are not %j', (text) => {
    expect(parsePath(text)).toBeUndefined();
  });

  it('come back as they went', () => {
    fc.assert(fc.property(path, (ids) => {
      expect(parsePath(formatPath(ids))).toEqual(ids);
    }));
  });

  it('lie under what they begin with', () => {
    expect(isUnder([3, 0, 1], [])).toBe(true);
    expect(isUnder([3, 0], [3, 0])).toBe(true);
    expect(isUnder([3], [3, 0])).toBe(false);
    expect(isUnder([30], [3])).toBe(false);
    expect(isUnder([3, 1], [3, 0])).toBe(false);
  });
});
