import { describe, expect, test } from 'vitest';
import { DdfError, parseDdf, parseReusableResources } from './ddf.ts';
import { ddfDirectory } from './ddf-directory.ts';
import { ObjectModel } from './object-model.ts';

const source = ddfDirectory();
const parse = (name: string) => parseDdf(source.read(name));

describe('files of the registry', () => {
  test('every one is parsed, none is skipped', () => {
    const model = new ObjectModel(source);
    let definitions = 0;
    let resources = 0;
    for (const object of model.objects()) {
      for (const version of model.versions(object)) {
        const definition = model.definition(object, version);
        expect(definition).toMatchObject({ id: object, version });
        definitions += 1;
        resources += definition?.resources.size ?? 0;
      }
    }
    expect(model.faults).toEqual([]);
    // Counted with another XML parser (Item elements outside comments).
    expect([definitions, model.objects().length, resources]).toEqual([424, 327, 4506]);
  });

  test('Common.xml', () => {
    expect(parseReusableResources(source.readReusable?.() ?? '').get(5700)).toMatchObject({ name: 'Sensor Value', type: 'float', operations: 'R' });
  });

  test.each([
    ['3-1_0.xml', 'byte order mark, no ObjectVersion, no LWM2MVersion', { id: 3, name: 'Device', version: '1.0' }],
    ['10241-1_0.xml', 'no XML declaration', { id: 10241, version: '1.0' }],
    ['10308-1_0.xml', 'no licence header, an entity in the name', { name: 'AT&T Connectivity Extension' }],
    ['10254-1_0.xml', 'URN that names version 1.0', { urn: 'urn:oma:lwm2m:x:10254:1.0', version: '1.0' }],
    ['4-1_1.xml', 'no LWM2MVersion', { version: '1.1', multiple: false, mandatory: false }],
    ['21-2_0.xml', 'second major version', { version: '2.0', lwm2mVersion: '1.1', multiple: true }],
  ])('%s: %s', (name, _oddity, expected) => {
    expect(parse(name)).toMatchObject(expected);
  });

  test.each([
    ['10256-1_0.xml', 3, 'blank after the name', { name: 'rsrp-Result' }],
    ['10482-1_0.xml', 5, 'readable without a type', { type: 'unknown', operations: 'R' }],
    ['10260-1_0.xml', 3, 'executable with a type', { type: 'none', operations: 'E' }],
    ['3-1_0.xml', 4, 'executable without a type', { type: 'none', operations: 'E', mandatory: true }],
    ['10308-1_0.xml', 7, 'character references in a range', { range: '<7 to >12.5' }],
    ['3410-2_0.xml', 11, 'children in another order', { name: 'DST Start', type: 'time' }],
    ['1-1_1.xml', 13, 'no operations', { operations: '', type: 'unsigned' }],
    ['5-1_0.xml', 0, 'opaque', { operations: 'W', type: 'opaque' }],
    ['3-1_0.xml', 7, 'unit and multiple', { type: 'integer', unit: 'mV', multiple: true }],
    ['3-1_0.xml', 9, 'range', { range: '0-100' }],
  ])('%s resource %i: %s', (name, resource, _oddity, expected) => {
    expect(parse(name).resources.get(resource)).toMatchObject(expected);
  });
});

describe('files that are refused', () => {
  const item = (inner: string, id = '0') => `<Item ID="${id}"><Name>n</Name>${inner}</Item>`;
  const object = (inner: string, id = '32769') =>
    `<LWM2M><Object><Name>n</Name><ObjectID>${id}</ObjectID><Resources>${inner}</Resources></Object></LWM2M>`;

  test('the frame of these rows itself is taken', () => {
    expect(parseDdf(object(item('<Type>Float</Type>')))).toMatchObject({ id: 32_769, version: '1.0' });
    expect(parseDdf(object('')).resources.size).toBe(0);
  });

  test.each([
    ['empty', '', /XML|document|missing/],
    ['not XML', 'hello', /XML|LWM2M/],
    ['cut off', object(item('')).slice(0, -20), /well-formed/],
    ['no object', '<LWM2M></LWM2M>', /LWM2M/],
    ['two objects', '<LWM2M><Object><Name>a</Name></Object><Object/></LWM2M>', /exactly one/],
    ['reserved object id', object('', '65535'), /ObjectID/],
    ['no object id', object('', ''), /ObjectID/],
    ['resource id is no number', object(item('', '1a')), /Item ID/],
    ['resource defined twice', object(item('') + item('')), /twice/],
    ['unknown type', object(item('<Type>Double</Type>')), /type "Double"/],
    ['a type of Object.prototype', object(item('<Type>constructor</Type>')), /type "constructor"/],
    ['unknown operations', object(item('<Operations>X</Operations>')), /operations "X"/],
    ['neither single nor multiple', object(item('<MultipleInstances>Few</MultipleInstances>')), /MultipleInstances/],
    ['no version', object('').replace('<Name>', '<ObjectVersion>new</ObjectVersion><Name>'), /object version/],
  ])('%s', (_what, xml, message) => {
    expect(() => parseDdf(xml)).toThrow(DdfError);
    expect(() => parseDdf(xml)).toThrow(message);
  });
});
