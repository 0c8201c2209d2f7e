import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { defaultObjectVersion } from './core-versions.ts';
import { DdfError } from './ddf.ts';
import { ddfDirectory } from './ddf-directory.ts';
import { ObjectModel, type DdfSource } from './object-model.ts';

const own = (id: number, version: string, name: string, resources = '') =>
  `<LWM2M><Object><Name>${name}</Name><ObjectID>${id}</ObjectID><ObjectVersion>${version}</ObjectVersion>` +
  `<Resources>${resources}</Resources></Object></LWM2M>`;

/** A source of the given versions of object 32769 that counts what is read. */
function countingSource(versions: readonly string[]): DdfSource & { reads: string[] } {
  const reads: string[] = [];
  return {
    reads,
    list: () => versions.map((version) => `32769-${version.replace('.', '_')}.xml`),
    read: (name) => {
      reads.push(name);
      return own(32_769, name.slice(6, -4).replace('_', '.'), 'Own');
    },
  };
}

describe('definition', () => {
  test('reads a file when its version is first asked for, once', () => {
    const source = countingSource(['1.0', '1.1']);
    const model = new ObjectModel(source);
    expect(source.reads).toEqual([]);
    model.definition(32_769, '1.1');
    model.definition(32_769, '1.1');
    expect(source.reads).toEqual(['32769-1_1.xml']);
  });

  test.each([
    ['1.0', '1.0', 'exact'],
    ['1.3', '1.2', 'nearest lower minor'],
    ['1.99', '1.10', 'minors are numbers, not decimals'],
    ['3.0', '3.1', 'nearest higher minor where no lower is known'],
    ['2.0', '1.10', 'unknown major: nearest below'],
    ['0.9', '1.0', 'unknown major: nearest above'],
    ['9.0', '3.4', 'unknown major above all'],
  ])('announced %s gets %s: %s', (announced, expected) => {
    const model = new ObjectModel(countingSource(['3.4', '1.10', '1.0', '1.2', '3.1']));
    expect(model.definition(32_769, announced)?.version).toBe(expected);
  });

  test.each(['', '1', 'abc', '1.0.0', '-1.0', '999999.0'])('no definition for the version "%s"', (version) => {
    expect(new ObjectModel(countingSource(['1.0'])).definition(32_769, version)).toBeUndefined();
  });

  test('a file that defines something else is as if it were not there, and is named', () => {
    const source = { list: () => ['32769-1_0.xml', '32769-1_1.xml', 'README.md'], read: () => own(32_769, '1.0', 'Own') };
    const model = new ObjectModel(source);
    expect(model.definition(32_769, '1.1')?.version).toBe('1.0');
    expect(model.faults).toEqual([{ name: '32769-1_1.xml', message: 'the file defines 32769-1_0.xml' }]);
  });
});

describe('lookup', () => {
  const model = new ObjectModel(ddfDirectory());

  // Core 1.2 §7.2.3: the version of a core object without ver is that of the client's enabler.
  test.each([
    ['1.0', 1, '1.0'], ['1.0', 3, '1.0'], ['1.0', 4, '1.0'], ['1.0', 5, '1.0'],
    ['1.1', 0, '1.1'], ['1.1', 1, '1.1'], ['1.1', 2, '1.0'], ['1.1', 3, '1.1'], ['1.1', 4, '1.2'], ['1.1', 5, '1.0'],
    ['1.2', 0, '1.2'], ['1.2', 1, '1.2'], ['1.2', 2, '1.1'], ['1.2', 3, '1.2'], ['1.2', 4, '1.3'], ['1.2', 5, '1.1'],
    ['1.2', 6, '1.0'], ['1.2', 7, '1.0'], ['1.2', 10, '1.0'], ['1.1', 3303, '1.0'],
  ] as const)('enabler %s, object %i: %s', (enabler, object, version) => {
    expect(defaultObjectVersion(object, enabler)).toBe(version);
  });

  test('/1/x/23 (Mute Send) is known to a 1.1 client, not to a 1.0 one', () => {
    expect(model.lookup(new Map(), '1.1')(1, 23)?.name).toBe('Mute Send');
    expect(model.lookup(new Map(), '1.0')(1, 23)).toBeUndefined();
  });

  test('what the device announced wins', () => {
    expect(model.lookup(new Map([[10, '1.1']]), '1.1')(10, 12)).toBeDefined();
    expect(model.lookup(new Map([[1, '1.0']]), '1.2')(1, 23)).toBeUndefined();
  });

  test('reusable resources are known in objects that are not', () => {
    const lookup = model.lookup(new Map(), '1.1');
    expect(lookup(40_000, 5_700)).toMatchObject({ name: 'Sensor Value', type: 'float' });
    expect(lookup(40_000, 5_000)).toBeUndefined();
    expect(new ObjectModel(countingSource(['1.0'])).lookup(new Map(), '1.1')(32_769, 5_700)).toBeUndefined();
  });

  test('unknown objects, resources and invented versions give nothing and throw nothing', () => {
    const lookup = model.lookup(new Map([[3, '1.x'], [40_000, '1.0']]), '1.1');
    expect([lookup(3, 0), lookup(40_000, 0), lookup(1, 9_999)]).toEqual([undefined, undefined, undefined]);
  });
});

describe('directories of the operator', () => {
  const directory = mkdtempSync(join(tmpdir(), 'ddf-'));
  afterAll(() => rmSync(directory, { recursive: true }));

  test('files add and override, whatever their names', () => {
    const item = '<Item ID="1"><Name>Level</Name><Operations>RW</Operations><Type>Integer</Type></Item>';
    writeFileSync(join(directory, 'tank.xml'), own(32_770, '1.0', 'Tank', item));
    writeFileSync(join(directory, 'device.xml'), own(3, '1.1', 'Our device'));
    const model = new ObjectModel(ddfDirectory([directory]));
    expect(model.lookup(new Map(), '1.0')(32_770, 1)).toMatchObject({ name: 'Level', type: 'integer' });
    expect(model.definition(3, '1.1')?.name).toBe('Our device');
    expect(model.definition(3, '1.0')?.name).toBe('Device');
    expect(model.faults).toEqual([]);
  });

  test('a file that can not be used stops the start and is named', () => {
    writeFileSync(join(directory, 'zz-broken.xml'), '<LWM2M>');
    expect(() => ddfDirectory([directory])).toThrow(DdfError);
    expect(() => ddfDirectory([directory])).toThrow(/zz-broken\.xml/);
  });
});
