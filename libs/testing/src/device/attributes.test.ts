import { describe, expect, it } from 'vitest';
import { Attributes } from './attributes.ts';

// OMA LwM2M Core 1.1 §5.1.2 and §6.3.4; Core 1.2 §5.1.2 for con and edge
describe('Write-Attributes', () => {
  it.each([
    { version: '1.0', path: [3303], query: ['pmin=1', 'pmax=9'], code: '2.04' },
    { version: '1.0', path: [3303], query: ['epmin=1'], code: '4.00' },
    { version: '1.1', path: [3303], query: ['epmin=1'], code: '2.04' },
    { version: '1.1', path: [3303, 0, 5700], query: ['con=1'], code: '4.00' },
    { version: '1.2', path: [3303, 0, 5700], query: ['con=1', 'edge=0'], code: '2.04' },
    { version: '1.1', path: [3303, 0], query: ['gt=5'], code: '4.00' },
    { version: '1.1', path: [3303, 0, 5700], query: ['gt=5', 'lt=5'], code: '4.00' },
    { version: '1.1', path: [3303, 0, 5700], query: ['gt=10', 'lt=5', 'st=2'], code: '2.04' },
    { version: '1.1', path: [3303, 0, 5700], query: ['gt=10', 'lt=5', 'st=2.5'], code: '4.00' },
    { version: '1.1', path: [3303, 0, 5700], query: ['st=0'], code: '4.00' },
    { version: '1.1', path: [3303, 0, 5700], query: ['pmin=x'], code: '4.00' },
    { version: '1.1', path: [3303, 0, 5700], query: ['pmin='], code: '4.00' },
    { version: '1.1', path: [3303, 0, 5700], query: ['pmin=1', 'colour=2'], code: '4.00' },
  ])('$version $path $query: $code', ({ version, path, query, code }) => {
    const attributes = new Attributes(version);
    expect(attributes.write(path, query)).toBe(code);
    expect(Object.keys(attributes.own(path))).toHaveLength(code === '2.04' ? query.length : 0);
  });

  it('unsets what comes without a value and keeps the rest', () => {
    const attributes = new Attributes('1.1');
    attributes.write([3303, 0], ['pmin=1', 'pmax=9']);
    attributes.write([3303, 0], ['pmin']);
    expect(attributes.own([3303, 0])).toEqual({ pmax: 9 });
  });

  it('inherits downwards, the nearest level first, whatever was set last', () => {
    const attributes = new Attributes('1.1');
    attributes.write([3303, 0, 5700], ['pmin=3']);
    attributes.write([3303, 0], ['pmin=2', 'pmax=20']);
    attributes.write([3303], ['pmin=1', 'pmax=10']);
    expect(attributes.inherited([3303, 0, 5700])).toEqual({ pmin: 3, pmax: 20 });
    expect(attributes.inherited([3303, 1, 5700])).toEqual({ pmin: 1, pmax: 10 });
  });
});
