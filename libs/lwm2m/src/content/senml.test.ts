import { decodeUtf8, encodeUtf8, hex, toHex } from '@cluster/bytes';
import { describe, expect, it } from 'vitest';
import { model } from '../../testing/model.ts';
import { type Path, formatPath } from '../path.ts';
import type { ResourceValue, Value } from '../values.ts';
import { type DecodeOptions, decodeContent, decodePaths, encodeContent, encodePaths } from './content.ts';
import { ContentFormat } from './format.ts';

const lookup = model({ '9/0': 'integer', '9/1': 'unsigned', '9/2': 'float', '9/3': 'boolean', '9/4': 'string', '9/5': 'opaque', '9/6': 'time', '9/7': 'objlnk', '9/8': 'corelnk', '9/10': 'integer[]' });

function read(cf: number, payload: Uint8Array, base: Path = [], options: DecodeOptions = {}): [string, Value, string, number?][] | string {
  const result = decodeContent(cf, payload, base, lookup, options);
  return result.ok ? result.values.map(({ path, value, type, time }) => (time === undefined ? [formatPath(path), value, type] : [formatPath(path), value, type, time])) : result.fault;
}

const readJson = (text: string, base?: Path, options?: DecodeOptions) => read(ContentFormat.SENML_JSON, encodeUtf8(text), base, options);
const value = (path: Path, of: Value, type: ResourceValue['type']): ResourceValue => ({ path, value: of, type });
const writeJson = (values: ResourceValue[], base: Path, cf: number = ContentFormat.SENML_JSON, root = '') => decodeUtf8(encodeContent(cf, values, base, lookup, { root }));

// RFC 8428 §4.2, §5, §6; OMA LwM2M Core 1.1 appendix C
const VALUES: [json: string, cbor: string, id: number, value: Value][] = [
  ['"v":-5', '0224', 0, -5],
  ['"v":9223372036854775807', '021b7fffffffffffffff', 0, 9223372036854775807n],
  ['"v":-9007199254740993', '023b0020000000000000', 0, -9007199254740993n],
  ['"v":18446744073709551615', '021bffffffffffffffff', 1, 18446744073709551615n],
  ['"v":1.1', '02fb3ff199999999999a', 2, 1.1],
  ['"v":-0', '02fa80000000', 2, -0],
  ['"vb":true', '04f5', 3, true],
  ['"vs":"\\"ü\\u0000"', '036422c3bc00', 4, '"ü\0'],
  ['"vs":""', '0360', 4, ''],
  ['"vd":"-_8"', '0842fbff', 5, hex('fbff')],
  ['"v":1367491215', '021a5182428f', 6, 1367491215],
  ['"vlo":"66:1"', '63766c6f6436363a31', 7, { object: 66, instance: 1 }],
  ['"vs":"</>"', '03633c2f3e', 8, '</>'],
];

describe('a value in SenML', () => {
  it.each(VALUES)('is %s in JSON', (json, _, id, of) => {
    const text = `[{"bn":"/9/0/${id}",${json}}]`;
    const type = lookup(9, id)!.type as ResourceValue['type'];
    expect(readJson(text, [9, 0, id])).toEqual([[`/9/0/${id}`, of, type]]);
    expect(writeJson([value([9, 0, id], of, type)], [9, 0, id])).toBe(text);
  });

  // the object link: OMA_LwM2M_for_Developers issue 484
  it.each(VALUES)('is (%s) %s in CBOR', (_, digits, id, of) => {
    const payload = `81a22166${toHex(encodeUtf8(`/9/0/${id}`))}${digits}`;
    const type = lookup(9, id)!.type as ResourceValue['type'];
    expect(read(ContentFormat.SENML_CBOR, hex(payload), [9, 0, id])).toEqual([[`/9/0/${id}`, of, type]]);
    expect(toHex(encodeContent(ContentFormat.SENML_CBOR, [value([9, 0, id], of, type)], [9, 0, id], lookup))).toBe(payload);
  });

  it.each<[string, number, Value, string]>([
    ['"v":1e3', 0, 1000, 'integer'], ['"v":5.0', 0, 5, 'integer'], ['"v":9.223372036854775807e18', 0, 9223372036854775807n, 'integer'], ['"v":92233720368547758070e-1', 0, 9223372036854775807n, 'integer'],
    ['"v":1e300', 2, 1e300, 'float'], ['"v":9007199254740993', 2, 9007199254740992, 'float'], ['"v":1e999', 2, Infinity, 'float'],
    ['"vd":"AP-B"', 5, hex('00ff81'), 'opaque'], ['"vd":"AP+B"', 5, hex('00ff81'), 'opaque'], ['"vd":"AP8="', 5, hex('00ff'), 'opaque'], ['"vd":""', 5, hex(''), 'opaque'],
    ['"vs":"66:1"', 7, { object: 66, instance: 1 }, 'objlnk'], ['"vlo":"ffff:FFFF"', 7, { object: 65535, instance: 65535 }, 'objlnk'],
    // contradictions are kept
    ['"v":1.5', 0, 1.5, 'unknown'], ['"vs":"1"', 0, '1', 'unknown'], ['"v":9223372036854775808', 0, 9223372036854775808n, 'unknown'], ['"v":-1', 1, -1, 'unknown'], ['"v":1', 3, 1, 'unknown'],
    ['"vb":true', 4, true, 'unknown'], ['"vd":"AP8%"', 5, 'AP8%', 'unknown'], ['"vd":"AP9"', 5, 'AP9', 'unknown'], ['"vd":"AP8=="', 5, 'AP8==', 'unknown'], ['"vlo":"66:65536"', 7, '66:65536', 'unknown'], ['"vs":"\\ud800"', 4, '\ud800', 'unknown'],
    // what nobody defined
    ['"v":9007199254740993', 99, 9007199254740993n, 'unknown'], ['"v":1e30', 99, 1e30, 'unknown'], ['"vlo":"66:1"', 99, '66:1', 'unknown'], ['"vd":"AA"', 99, hex('00'), 'unknown'],
  ])('reads %s of resource %i', (json, id, expected, type) => {
    expect(readJson(`[{"n":"/9/0/${id}",${json}}]`)).toEqual([[`/9/0/${id}`, expected, type]]);
  });
});

describe('names in SenML', () => {
  it.each<[string, string, [string, Value][]]>([
    ['n alone', '[{"n":"/9/0/0","v":5}]', [['/9/0/0', 5]]],
    ['a base of its own before the values', '[{"bn":"/9/0/"},{"n":"0","v":5}]', [['/9/0/0', 5]]],
    ['an instance without resources', '[{"bn":"/9/0/"}]', [['/9/0', null]]],
    ['an instance without resources beside others', '[{"n":"/9/0"},{"n":"/9/1/0","v":5},{"n":"/9/1"}]', [['/9/1/0', 5], ['/9/0', null]]],
    ['nothing', '[]', []],
    ['no bytes at all', '', []],
  ])('reads %s', (_, text, expected) => {
    const found = readJson(text);
    expect(typeof found === 'string' ? found : found.map(([path, of]) => [path, of])).toEqual(expected);
  });

  it('puts no slash between base name and name', () => {
    expect(readJson('[{"bn":"/9/0/1","n":"0/3","v":5}]')).toEqual([['/9/0/10/3', 5, 'integer']]);
  });

  it.each<[string, string, Path, string]>([
    ['a name without slash', '[{"n":"9/0/0","v":5}]', [], 'BAD_PATH'],
    ['a name with an empty segment', '[{"n":"/9//0","v":5}]', [], 'BAD_PATH'],
    ['a name of five levels', '[{"n":"/9/0/0/0/0","v":5}]', [], 'BAD_PATH'],
    ['the reserved id', '[{"n":"/9/65535/0","v":5}]', [], 'BAD_PATH'],
    ['a URN', '[{"n":"urn:dev:ow:10e2073a01080063","v":5}]', [], 'BAD_PATH'],
    ['no name', '[{"v":5}]', [], 'BAD_PATH'],
    ['a value of an instance', '[{"n":"/9/0","v":5}]', [], 'BAD_PATH'],
    ['another resource than was asked for', '[{"n":"/9/0/0","v":5}]', [9, 0, 1], 'OUTSIDE_BASE'],
    ['a resource without value', '[{"n":"/9/0/0"}]', [], 'VALUE_MISSING'],
    ['null', '[{"n":"/9/0/0","v":null}]', [], 'MALFORMED'],
    ['two values', '[{"n":"/9/0/0","v":5,"vb":true}]', [], 'MALFORMED'],
    ['text as number', '[{"n":"/9/0/0","v":"5"}]', [], 'MALFORMED'],
    ['a number as text', '[{"n":"/9/0/0","vs":5}]', [], 'MALFORMED'],
    ['a number as truth', '[{"n":"/9/0/0","vb":1}]', [], 'MALFORMED'],
    ['a number as name', '[{"n":1,"v":5}]', [], 'MALFORMED'],
    ['a time as text', '[{"n":"/9/0/0","v":5,"t":"1"}]', [], 'MALFORMED'],
    ['an object', '{"n":"/9/0/0","v":5}', [], 'MALFORMED'],
    ['records that are no objects', '[[]]', [], 'MALFORMED'],
    ['null as a record', '[null]', [], 'MALFORMED'],
    ['no JSON', '[{"n":"/9/0/0","v":05}]', [], 'MALFORMED'],
    ['JSON that ends too early', '[{"n":"/9/0/0"', [], 'MALFORMED'],
    ['a member twice', '[{"n":"/9/0/0","v":5,"v":6}]', [], 'DUPLICATE'],
    ['a member twice, once escaped', '[{"n":"/9/0/0","v":5,"\\u0076":6}]', [], 'DUPLICATE'],
    ['a field that must be understood', '[{"n":"/9/0/0","v":5,"x_":1}]', [], 'VERSION_UNSUPPORTED'],
    ['a version to come', '[{"bver":11,"n":"/9/0/0","v":5}]', [], 'VERSION_UNSUPPORTED'],
    ['depth', '['.repeat(50), [], 'TOO_DEEP'],
    ['depth in a field', `[{"n":"/9/0/0","v":5,"x":${'['.repeat(50)}${']'.repeat(50)}}]`, [], 'TOO_DEEP'],
    ['a crowd', `[${'{},'.repeat(20_000)}{}]`, [], 'TOO_MANY_VALUES'],
  ])('refuses %s', (_, text, base, fault) => {
    expect(readJson(text, base)).toBe(fault);
  });

  it('refuses JSON that is no UTF-8, and reads names full of colons and quotes', () => {
    expect(read(110, hex('5bff5d'))).toBe('NOT_UTF8');
    expect(readJson('[{"n":"/9/0/4","vs":"a:\\\\\\":{\\"b\\":1}","x":{"y:":[":",{}]}}]')).toEqual([['/9/0/4', 'a:\\":{"b":1}', 'string']]);
  });

  it('does not take a name of Object.prototype for a field', () => {
    expect(readJson('[{"n":"/9/0/0","v":5,"constructor":{"v":6},"toString":1}]')).toEqual([['/9/0/0', 5, 'integer']]);
    expect(readJson('[{"n":"/9/0/0","v":5,"__proto__":{"v":6}}]')).toBe('VERSION_UNSUPPORTED');
  });

  it.each<[string, ResourceValue[], Path, string]>([
    ['[{"n":"/9/0/0","v":5},{"n":"/9/1/3","vb":true}]', [value([9, 0, 0], 5, 'integer'), value([9, 1, 3], true, 'boolean')], [], ''],
    ['[{"bn":"/9/","n":"0/0","v":5},{"n":"1/3","vb":true}]', [value([9, 0, 0], 5, 'integer'), value([9, 1, 3], true, 'boolean')], [9], ''],
    ['[{"bn":"/9/0/10/","n":"0","v":5}]', [value([9, 0, 10, 0], 5, 'integer')], [9, 0, 10], ''],
    ['[{"bn":"/9/0/10/0","v":5}]', [value([9, 0, 10, 0], 5, 'integer')], [9, 0, 10, 0], ''],
    ['[{"bn":"/9/0"}]', [value([9, 0], null, 'unknown')], [9, 0], ''],
    ['[{"bn":"/9/","n":"0"}]', [value([9, 0], null, 'unknown')], [9], ''],
    ['[]', [], [9], ''],
    ['[{"bn":"/lwm2m/9/0/","n":"0","v":5}]', [value([9, 0, 0], 5, 'integer')], [9, 0], '/lwm2m'],
    ['[{"bn":"/lwm2m","n":"/9/0/0","v":5},{"n":"/9/0/1","v":6}]', [value([9, 0, 0], 5, 'integer'), value([9, 0, 1], 6, 'unsigned')], [], '/lwm2m'],
  ])('are written as %s', (text, values, base, root) => {
    expect(writeJson(values, base, ContentFormat.SENML_JSON, root)).toBe(text);
    const read = decodeContent(110, encodeUtf8(text), base, lookup, { root });
    expect(read.ok && read.values).toEqual(values);
  });

  it('have the root before them, or not', () => {
    const options = { root: '/lwm2m' };
    expect(readJson('[{"n":"/lwm2m/9/0/0","v":5},{"n":"/9/0/1","v":6}]', [], options)).toEqual([['/9/0/0', 5, 'integer'], ['/9/0/1', 6, 'unsigned']]);
    expect(readJson('[{"n":"/lwm2mm/9/0/0","v":5}]', [], options)).toBe('BAD_PATH');
    expect(readJson('[{"n":"/90/0/0","v":5}]', [], { root: '/9' })).toEqual([['/90/0/0', 5, 'unknown']]);
    expect(readJson('[{"n":"/9/0/0","v":5}]', [], { root: '/' })).toEqual([['/9/0/0', 5, 'integer']]);
  });

  it('are not written outside the base, nor values that JSON has not', () => {
    expect(() => writeJson([value([9, 0, 0], 5, 'integer')], [9, 1])).toThrow(expect.objectContaining({ code: 'CONTENT_PATH' }));
    expect(() => writeJson([value([9, 0, 2], NaN, 'float')], [9, 0])).toThrow(expect.objectContaining({ code: 'CONTENT_VALUE' }));
    expect(() => writeJson([value([9, 0, 2], null, 'float')], [9, 0])).toThrow(expect.objectContaining({ code: 'CONTENT_VALUE' }));
  });
});

describe('times in SenML', () => {
  const history: ResourceValue[] = [1_700_000_000, 1_700_000_010.5].map((time) => ({ ...value([9, 0, 0], 5, 'integer'), time }));

  it.each([ContentFormat.SENML_JSON, ContentFormat.SENML_CBOR, ContentFormat.LWM2M_JSON])('keeps the values of a history in format %i', (cf) => {
    const result = decodeContent(cf, encodeContent(cf, history, [9, 0], lookup), [9, 0], lookup);
    expect(result.ok && result.values).toEqual(history);
  });

  it('counts relative times from now, where now is told', () => {
    const text = '[{"bn":"/9/0/0","v":1,"t":-10},{"v":2,"t":0},{"v":3,"t":1700000000}]';
    expect(readJson(text, [], { nowS: 1_800_000_000 })).toEqual([['/9/0/0', 1, 'integer', 1_799_999_990], ['/9/0/0', 2, 'integer', 1_800_000_000], ['/9/0/0', 3, 'integer', 1_700_000_000]]);
    expect(readJson(text)).toEqual([['/9/0/0', 1, 'integer', -10], ['/9/0/0', 2, 'integer', 0], ['/9/0/0', 3, 'integer', 1_700_000_000]]);
  });

  it('reads times with a tag, and as a fraction', () => {
    expect(read(112, hex('81a30066' + toHex(encodeUtf8('/9/0/0')) + '020506c11a6553f100'))).toEqual([['/9/0/0', 5, 'integer', 1_700_000_000]]);
    expect(read(112, hex('81a30066' + toHex(encodeUtf8('/9/0/0')) + '020506c482201b00000003f5476a05'))).toEqual([['/9/0/0', 5, 'integer', 1_700_000_000.5]]);
  });
});

describe('SenML CBOR', () => {
  const name = `0066${toHex(encodeUtf8('/9/0/0'))}`;

  it.each<[string, string]>([
    ['indefinite lengths', `9fbf${name}0205ffff`],
    ['chunks in a name', `81a2007f62${toHex(encodeUtf8('/9'))}64${toHex(encodeUtf8('/0/0'))}ff0205`],
    ['labels that are not known', `81a5${name}02050ba1f700016155186380`],
    ['a label written long', `81a2${name}19000205`],
    ['a half float', `81a2${name}02f94500`],
    ['a decimal fraction', `81a2${name}02c482201832`],
  ])('reads %s', (_, digits) => {
    expect(read(112, hex(digits))).toEqual([['/9/0/0', 5, 'integer']]);
  });

  it.each<[string, string, string]>([
    ['a map', 'a0', 'MALFORMED'],
    ['records that are no maps', '8100', 'MALFORMED'],
    ['a label twice', `81a3${name}02050206`, 'DUPLICATE'],
    ['a label twice, once written long', `81a3${name}0205180206`, 'DUPLICATE'],
    ['an object link twice', `81a3${name}63766c6f6063766c6f60`, 'DUPLICATE'],
    ['text as number', `81a2${name}026135`, 'MALFORMED'],
    ['bytes as text', `81a2${name}034135`, 'MALFORMED'],
    ['text as bytes', `81a2${name}086135`, 'MALFORMED'],
    ['a number as truth', `81a2${name}0401`, 'MALFORMED'],
    ['an array as value', `81a2${name}028105`, 'MALFORMED'],
    ['null', `81a2${name}02f6`, 'MALFORMED'],
    ['a label that is an array', `81a2${name}8005`, 'MALFORMED'],
    ['a field that must be understood', `81a3${name}020562785f00`, 'VERSION_UNSUPPORTED'],
    ['a time that never comes', `81a3${name}020506f97c00`, 'MALFORMED'],
    ['a record cut', `81a2${name}02`, 'TRUNCATED'],
    ['a count that lies', `9a7fffffffa2${name}0205`, 'TRUNCATED'],
    ['a pack without end', `9fa2${name}0205`, 'TRUNCATED'],
    ['bytes behind', `81a2${name}020500`, 'TRAILING_BYTES'],
    ['a name that is no UTF-8', '81a20061ff0205', 'NOT_UTF8'],
    ['a crowd', `994e20${'a0'.repeat(20_000)}`, 'TOO_MANY_VALUES'],
  ])('refuses %s', (_, digits, fault) => {
    expect(read(112, hex(digits))).toBe(fault);
  });
});

describe('SenML-ETCH', () => {
  const deletions = [value([9, 0, 10, 1], null, 'unknown'), value([9, 1], null, 'unknown'), value([9, 0, 0], 5, 'integer')];

  it('tells what is deleted (RFC 8790)', () => {
    const text = '[{"n":"/9/0/10/1","v":null},{"n":"/9/1","v":null},{"n":"/9/0/0","v":5}]';
    expect(writeJson(deletions, [], ContentFormat.SENML_ETCH_JSON)).toBe(text);
    const json = decodeContent(ContentFormat.SENML_ETCH_JSON, encodeUtf8(text), [], lookup);
    expect(json.ok && json.values).toEqual(deletions);
    const cbor = decodeContent(ContentFormat.SENML_ETCH_CBOR, encodeContent(ContentFormat.SENML_ETCH_CBOR, deletions, [], lookup), [], lookup);
    expect(cbor.ok && cbor.values).toEqual(deletions);
  });
});

describe('JSON of LwM2M 1.0', () => {
  const readLwm2m = (text: string, base: Path = [9, 0]) => read(ContentFormat.LWM2M_JSON, encodeUtf8(text), base);

  it.each<[string, string, Path, [string, Value, string, number?][]]>([
    ['every type', '{"bn":"/9/0/","e":[{"n":"0","v":9007199254740993},{"n":"3","bv":true},{"n":"4","sv":"a"},{"n":"5","sv":"AP8="},{"n":"7","ov":"66:1"}]}', [9, 0],
      [['/9/0/0', 9007199254740993n, 'integer'], ['/9/0/3', true, 'boolean'], ['/9/0/4', 'a', 'string'], ['/9/0/5', hex('00ff'), 'opaque'], ['/9/0/7', { object: 66, instance: 1 }, 'objlnk']]],
    ['names below the request', '{"e":[{"n":"0","v":5}]}', [9, 0], [['/9/0/0', 5, 'integer']]],
    ['no name for the resource of the request', '{"e":[{"n":"","v":5}]}', [9, 0, 0], [['/9/0/0', 5, 'integer']]],
    ['a base name that is all', '{"bn":"/9/0/0","e":[{"v":5}]}', [9, 0, 0], [['/9/0/0', 5, 'integer']]],
    ['times', '{"bn":"/9/0/0","bt":1700000000,"e":[{"v":5,"t":-5},{"v":6}]}', [9, 0, 0], [['/9/0/0', 5, 'integer', 1699999995], ['/9/0/0', 6, 'integer', 1700000000]]],
    ['an opaque value that is no base64', '{"bn":"/9/0/5","e":[{"sv":"A"}]}', [9, 0, 5], [['/9/0/5', 'A', 'unknown']]],
    ['nothing', '{"bn":"/9/0/","e":[]}', [9, 0], []],
  ])('reads %s', (_, text, base, expected) => {
    expect(readLwm2m(text, base)).toEqual(expected);
  });

  it.each<[string, string, string]>([
    ['an array', '[]', 'MALFORMED'], ['entries that are no array', '{"e":{}}', 'MALFORMED'], ['a value of an instance', '{"bn":"/9/0","e":[{"v":5}]}', 'VALUE_MISSING'],
    ['an entry without value', '{"bn":"/9/0/0","e":[{"n":""}]}', 'VALUE_MISSING'], ['a member twice', '{"bn":"/9/0/","bn":"/9/0/","e":[]}', 'DUPLICATE'], ['null', '{"e":[{"n":"0","v":null}]}', 'MALFORMED'],
  ])('refuses %s', (_, text, fault) => {
    expect(readLwm2m(text)).toBe(fault);
  });

  it('is written for clients that know nothing else', () => {
    const values = [value([9, 0, 0], 2n ** 60n, 'integer'), value([9, 0, 3], false, 'boolean'), value([9, 0, 5], hex('00ff'), 'opaque'), value([9, 0, 7], { object: 1, instance: 2 }, 'objlnk')];
    expect(writeJson(values, [9, 0], ContentFormat.LWM2M_JSON)).toBe('{"bn":"/9/0/","e":[{"n":"0","v":1152921504606846976},{"n":"3","bv":false},{"n":"5","sv":"AP8="},{"n":"7","ov":"1:2"}]}');
    expect(() => writeJson([value([9, 0], null, 'unknown')], [9, 0], ContentFormat.LWM2M_JSON)).toThrow(expect.objectContaining({ code: 'CONTENT_VALUE' }));
  });
});

describe('paths of composite operations', () => {
  const paths: Path[] = [[3, 0, 0], [1, 0], [4], [16, 0, 0, 7]];

  it.each([ContentFormat.SENML_JSON, ContentFormat.SENML_CBOR, ContentFormat.SENML_ETCH_JSON, ContentFormat.SENML_ETCH_CBOR, ContentFormat.LWM2M_CBOR])('come back in format %i', (cf) => {
    expect(decodePaths(cf, encodePaths(cf, paths))).toEqual({ ok: true, paths });
    expect(decodePaths(cf, encodePaths(cf, paths, { root: '/lwm2m' }), { root: '/lwm2m' })).toEqual({ ok: true, paths });
  });

  it('are written as OMA LwM2M Core 1.1 §6.3.8 has them', () => {
    expect(decodeUtf8(encodePaths(110, [[3, 0, 0], []]))).toBe('[{"n":"/3/0/0"},{"n":"/"}]');
    expect(toHex(encodePaths(112, [[3, 0, 0]]))).toBe('81a10066' + toHex(encodeUtf8('/3/0/0')));
    expect(toHex(encodePaths(11544, [[3, 0, 0], [1]]))).toBe('a283030000f601f6');
  });

  it('are refused where a format has none', () => {
    expect(() => encodePaths(0, paths)).toThrow(expect.objectContaining({ code: 'CONTENT_FORMAT' }));
    expect(() => encodePaths(11544, [[]])).toThrow(expect.objectContaining({ code: 'CONTENT_PATH' }));
    expect(decodePaths(0, hex(''))).toMatchObject({ ok: false, fault: 'FORMAT_UNSUPPORTED' });
    expect(decodePaths(11544, hex('a18303000005'))).toMatchObject({ ok: false, fault: 'MALFORMED' });
    expect(decodePaths(110, encodeUtf8('[{"n":"3/0"}]'))).toMatchObject({ ok: false, fault: 'BAD_PATH' });
  });
});
