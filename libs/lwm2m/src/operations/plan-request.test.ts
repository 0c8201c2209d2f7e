import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { contentFormat } from '@cluster/coap';
import { commandRequest, operation, type CommandRequest } from '@cluster/contracts';
import { decodeContent } from '../content/content.ts';
import { device, line } from '../../testing/devices.ts';
import { checkCommand } from './check-command.ts';
import { formatChoices, planRequest } from './plan-request.ts';
import { readReport } from './report.ts';
import { RULES } from './rules.ts';

const command = (request: object): CommandRequest => commandRequest.parse(request);
const old = device('1.0');
const quiet = device('1.1');
const senml = device('1.1', [110, 112]);
const newest = device('1.2', [112, 110, 60, 11_544]);

/** The request as text, or the fields at fault. */
function plan(request: object, context = quiet, refusals = 0): string | string[] {
  const result = planRequest(command(request), context, refusals);
  return result.ok ? line(result.plan) : result.faults.map(({ path }) => path);
}

const values112 = (hex: string) => decodeContent(112, Buffer.from(hex, 'hex'), [], old.lookup);
const ascii = (text: string) => Buffer.from(text).toString('hex');

describe('ets-payloads.json', () => {
  interface Case {
    case: string;
    cf: number;
    op: string;
    hex: string;
    means: Record<string, unknown>;
  }
  const file = JSON.parse(readFileSync(new URL('../../vectors/ets-payloads.json', import.meta.url), 'utf8')) as { cases: Case[] };
  const operations = { 'POST /16': 'create', POST: 'write-partial', PUT: 'write', iPATCH: 'write-composite' } as const;
  const rows = file.cases.filter(({ hex }) => hex !== undefined);

  test('the file has the five payloads', () => {
    expect(rows.map((row) => row.case)).toEqual(['int-215', 'int-257', 'int-651', 'int-1202', 'int-1630']);
  });

  test.each(rows)('$case $op', ({ op, cf, hex, means }) => {
    const [method = '', path = '/'] = op.split(' ');
    const values = Object.entries(means).map(([name, value]) => ({ path: name, value, ...(name === '/10/0/14' && { type: 'integer' }) }));
    const request = { op: operations[op as 'POST /16'] ?? operations[method as 'POST'], contentFormat: cf, values, ...(path !== '/' && { path }) };
    const [, sentPath, sentFormat, sent = ''] = String(plan(request, old)).split(' ');
    expect([sentPath, sentFormat]).toEqual([path, `CF=${cf}`]);
    if (cf === 11_542) expect(sent).toBe(hex);
    // SenML leaves it to the writer how a path is split into base name and name.
    else expect(values112(sent)).toEqual(values112(hex));
  });
});

describe('requests of each operation', () => {
  test.each<[string, object, string]>([
    ['Transport 1.1.1 §6.4.4 Read', { op: 'read', path: '/3/0/1' }, 'GET /3/0/1 Accept=112'],
    ['B84 the caller names the format', { op: 'read', path: '/3/0', accept: 11_542 }, 'GET /3/0 Accept=11542'],
    ['E21 int-201 plain text', { op: 'read', path: '/3/0/0', accept: 0 }, 'GET /3/0/0 Accept=0'],
    ['B92 Discover', { op: 'discover', path: '/3' }, 'GET /3 Accept=40'],
    ['B87 Write', { op: 'write', path: '/1/0/1', value: 60, contentFormat: 0 }, `PUT /1/0/1 CF=0 ${ascii('60')}`],
    ['F3 a package, whose blocks are read by whoever sends them', { op: 'write', path: '/5/0/0', package: 'p'.repeat(22) }, 'PUT /5/0/0 CF=42'],
    ['E107 int-1901 raw payload', { op: 'write', path: '/5/0/0', payloadBase64: 'AA==', contentFormat: 42 }, 'PUT /5/0/0 CF=42 00'],
    ['E78 int-756 empty URI is a Write, not Write-Attributes', { op: 'write', path: '/5/0/1', value: '', contentFormat: 0 }, 'PUT /5/0/1 CF=0 empty'],
    ['B88 Execute', { op: 'execute', path: '/3/0/4' }, 'POST /3/0/4'],
    ['B88 Execute with arguments', { op: 'execute', path: '/1/0/8', arguments: "0='U'" }, `POST /1/0/8 CF=0 ${ascii("0='U'")}`],
    ['X11 LogStart with what is no argument list', { op: 'execute', path: '/20/0/4011', payloadBase64: 'MCwxMDA=', contentFormat: 0 }, `POST /20/0/4011 CF=0 ${ascii('0,100')}`],
    ['E72 int-680 Create with nothing', { op: 'create', path: '/3' }, 'POST /3'],
    ['B89 Create of an empty instance, TLV', { op: 'create', path: '/16/7', contentFormat: 11_542 }, 'POST /16 CF=11542 0007'],
    ['B90 Delete', { op: 'delete', path: '/16/1' }, 'DELETE /16/1'],
    ['E49 int-260 Write-Attributes', { op: 'write-attributes', path: '/3', attributes: { pmin: 10, pmax: 200 } }, 'PUT /3 ?pmin=10 ?pmax=200'],
    ['B91 a bare name unsets', { op: 'write-attributes', path: '/3/0/7', attributes: { gt: null, lt: 0.0000001, st: 2.5 } }, 'PUT /3/0/7 ?gt ?lt=0.0000001 ?st=2.5'],
    ['large numbers without exponent', { op: 'write-attributes', path: '/3/0/7', attributes: { gt: 1e21 } }, 'PUT /3/0/7 ?gt=1000000000000000000000'],
    ['B97 Observe', { op: 'observe', path: '/3/0/7' }, 'GET /3/0/7 Observe=0 Accept=112'],
    ['B99 cancel: the same but for Observe', { op: 'cancel-observe', path: '/3/0/7' }, 'GET /3/0/7 Observe=1 Accept=112'],
    ['Core 1.2 §6.4.1 attributes on Observe', { op: 'observe', path: '/3/0/7', attributes: { pmin: 5 } }, 'GET /3/0/7 Observe=0 ?pmin=5 Accept=112'],
    ['B93 Read-Composite, SenML JSON', { op: 'read-composite', paths: ['/3/0/16', '/1/0'], contentFormat: 110 }, `FETCH / CF=110 Accept=110 ${ascii('[{"n":"/3/0/16"},{"n":"/1/0"}]')}`],
    ['B93 Read-Composite', { op: 'read-composite', paths: ['/3/0/16', '/1/0'] }, `FETCH / CF=112 Accept=112 82a10067${ascii('/3/0/16')}a10064${ascii('/1/0')}`],
    ['E56 int-304 Observe-Composite', { op: 'observe-composite', paths: ['/1/0'] }, `FETCH / Observe=0 CF=112 Accept=112 81a10064${ascii('/1/0')}`],
    ['B100 its cancel has the same payload', { op: 'cancel-observe-composite', paths: ['/1/0'] }, `FETCH / Observe=1 CF=112 Accept=112 81a10064${ascii('/1/0')}`],
  ])('%s', (_what, request, expected) => {
    expect(plan(request, senml)).toBe(expected);
  });

  test('B64 the alternate path goes first, as segments of its own', () => {
    const alternate = device('1.1', [112], '/a/lwm2m');
    expect(plan({ op: 'read', path: '/3/0/0' }, alternate)).toBe('GET /a/lwm2m/3/0/0 Accept=112');
    expect(plan({ op: 'read-composite', paths: ['/1/0'] }, alternate)).toBe(`FETCH /a/lwm2m CF=112 Accept=112 81a10064${ascii('/1/0')}`);
  });

  test('paths and what is observed', () => {
    const about = (request: object) => {
      const result = planRequest(command(request), senml);
      return result.ok && [result.plan.paths, result.plan.observe];
    };
    expect(about({ op: 'read', path: '/3/0' })).toEqual([[[3, 0]], undefined]);
    expect(about({ op: 'observe', path: '/3/0/7' })).toEqual([[[3, 0, 7]], 'start']);
    expect(about({ op: 'cancel-observe-composite', paths: ['/3', '/1/0'] })).toEqual([[[3], [1, 0]], 'cancel']);
    expect(about({ op: 'write-composite', values: [{ path: '/1/0/1', value: 1 }] })).toEqual([[[1, 0, 1]], undefined]);
  });
});

describe('choice of the content format', () => {
  test.each<[string, object, ReturnType<typeof device>, string]>([
    ['1.0 reads TLV', { op: 'read', path: '/3/0' }, old, 'GET /3/0 Accept=11542'],
    ['nothing announced: no Accept', { op: 'read', path: '/3/0' }, quiet, 'GET /3/0'],
    ['announced: SenML CBOR first', { op: 'read', path: '/3/0' }, senml, 'GET /3/0 Accept=112'],
    ['only TLV announced', { op: 'read', path: '/3/0' }, device('1.1', [11_542]), 'GET /3/0 Accept=11542'],
    ['only CBOR announced, a resource', { op: 'read', path: '/3/0/0' }, device('1.1', [60]), 'GET /3/0/0 Accept=60'],
    ['only CBOR announced, an instance', { op: 'read', path: '/3/0' }, device('1.1', [60]), 'GET /3/0'],
    ['only LwM2M CBOR announced, 1.2', { op: 'read', path: '/3/0/0' }, device('1.2', [11_544]), 'GET /3/0/0 Accept=11544'],
    ['one value, nothing announced: text', { op: 'write', path: '/1/0/1', value: 60 }, quiet, `PUT /1/0/1 CF=0 ${ascii('60')}`],
    ['one value, 1.0: TLV', { op: 'write', path: '/1/0/1', value: 60 }, old, 'PUT /1/0/1 CF=11542 c1013c'],
    ['an opaque value goes as it is', { op: 'write', path: '/5/0/0', value: 'AQI=' }, senml, 'PUT /5/0/0 CF=42 0102'],
    ['boolean in text', { op: 'write', path: '/1/0/6', value: true }, quiet, `PUT /1/0/6 CF=0 ${ascii('1')}`],
    ['an instance, nothing announced, 1.1: TLV', { op: 'write-partial', path: '/1/0', values: [{ path: '/1/0/1', value: 61 }] }, quiet, 'POST /1/0 CF=11542 c1013d'],
    ['a partial Write of a resource is never text', { op: 'write-partial', path: '/16/0/0', values: [{ path: '/16/0/0/1', value: 'x' }] }, quiet, 'POST /16/0/0 CF=11542 8300410178'],
    ['a multiple resource is never text', { op: 'write', path: '/16/0/0', values: [{ path: '/16/0/0/1', value: 'x' }] }, quiet, 'PUT /16/0/0 CF=11542 8300410178'],
    ['one value for a multiple resource is not text either', { op: 'write', path: '/16/0/0', value: 'x' }, quiet, 'PUT /16/0/0 CF=11542 c10078'],
    ['a resource instance is one value', { op: 'write', path: '/16/0/0/1', value: 'test' }, quiet, `PUT /16/0/0/1 CF=0 ${ascii('test')}`],
    ['composite, nothing announced: SenML CBOR', { op: 'read-composite', paths: ['/1'] }, quiet, `FETCH / CF=112 Accept=112 81a10062${ascii('/1')}`],
    ['composite, only JSON announced', { op: 'read-composite', paths: ['/1'] }, device('1.1', [110]), `FETCH / CF=110 Accept=110 ${ascii('[{"n":"/1"}]')}`],
  ])('%s', (_what, request, context, expected) => {
    expect(plan(request, context)).toBe(expected);
  });

  test('Write-Composite deletes by SenML-ETCH', () => {
    const result = planRequest(command({ op: 'write-composite', values: [{ path: '/16/1', value: null }] }), newest);
    expect(result.ok && line(result.plan)).toMatch(/^iPATCH \/ CF=322 /);
  });

  test('B84, B86 each refusal steps down; the last choice stays', () => {
    const read = { op: 'read', path: '/3/0/0' };
    const steps = [0, 1, 2, 3, 9].map((refusals) => plan(read, senml, refusals));
    expect(steps).toEqual(['GET /3/0/0 Accept=112', 'GET /3/0/0 Accept=110', 'GET /3/0/0', 'GET /3/0/0', 'GET /3/0/0']);
    expect(formatChoices(command(read), senml)).toBe(3);
    const write = { op: 'write', path: '/1/0/1', value: 60 };
    expect([0, 1].map((refusals) => plan(write, old, refusals))).toEqual(['PUT /1/0/1 CF=11542 c1013c', `PUT /1/0/1 CF=0 ${ascii('60')}`]);
    expect(formatChoices(command(write), old)).toBe(2);
  });

  test('where there is no format to choose, there is one way', () => {
    const requests = [{ op: 'execute', path: '/3/0/4' }, { op: 'delete', path: '/16/1' }, { op: 'discover', path: '/3' }];
    expect(requests.map((request) => formatChoices(command(request), senml))).toEqual([1, 1, 1]);
  });

  test('what the caller named is not changed', () => {
    expect(formatChoices(command({ op: 'read', path: '/3', accept: 110 }), senml)).toBe(1);
    expect(plan({ op: 'read', path: '/3', accept: 110 }, senml, 2)).toBe('GET /3 Accept=110');
    expect(plan({ op: 'write', path: '/1/0/1', value: 1, contentFormat: 0 }, senml, 2)).toBe(`PUT /1/0/1 CF=0 ${ascii('1')}`);
  });
});

describe('values and the object model', () => {
  test.each<[string, object, string[]]>([
    ['malformed commands are not planned', { op: 'read', path: '/3//0' }, ['path']],
    ['text for an integer', { op: 'write', path: '/1/0/1', value: 'x' }, ['value']],
    ['fraction for an integer', { op: 'write', path: '/1/0/1', value: 1.5 }, ['value']],
    ['null', { op: 'write', path: '/1/0/1', value: null }, ['value']],
    ['unknown object without a type', { op: 'write', path: '/40000/0/1', value: 1 }, ['value']],
    ['executable without a type', { op: 'write', path: '/3/0/4', value: 1 }, ['value']],
    ['the second of two', { op: 'write', path: '/1/0', values: [{ path: '/1/0/1', value: 1 }, { path: '/1/0/6', value: 'x' }] }, ['values.1.value']],
    ['a format that no encoder has', { op: 'write', path: '/1/0/1', value: 1, contentFormat: 9_999 }, ['contentFormat']],
    ['a format that can not list paths', { op: 'read-composite', paths: ['/3'], contentFormat: 0 }, ['contentFormat']],
  ])('%s', (_what, request, faults) => {
    expect(plan(request)).toEqual(faults);
  });

  test('the type of the command wins, and serves where the model has none', () => {
    const value = (type: string) => ({ op: 'write', path: '/40000/0/1', values: [{ path: '/40000/0/1', value: 1, type }], contentFormat: 11_542 });
    expect(plan(value('integer'))).toBe('PUT /40000/0/1 CF=11542 c10101');
    expect(plan(value('float'))).toMatch(/^PUT \/40000\/0\/1 CF=11542 c[48]01/);
  });

  test('X10 the announced version decides which resources are known', () => {
    const write = { op: 'write', path: '/10/0/13', value: 1, contentFormat: 0 };
    expect(plan(write, device('1.1', [], '/', [[10, '1.1']]))).toBe(`PUT /10/0/13 CF=0 ${ascii('1')}`);
    expect(plan(write, device('1.1'))).toEqual(['value']);
  });
});

describe('properties', () => {
  const value = fc.oneof(
    fc.record({ path: fc.constant('/1/0/1'), value: fc.integer() }),
    fc.record({ path: fc.constant('/1/0/6'), value: fc.boolean() }),
    fc.record({ path: fc.constant('/1/0/7'), value: fc.string({ unit: 'grapheme' }) }),
    fc.record({ path: fc.constant('/16/0/0/3'), value: fc.string() }),
    fc.record({ path: fc.constant('/3/0/13'), value: fc.integer({ min: 0, max: 2 ** 40 }) }),
  );
  const anyDevice = fc.record({
    version: fc.constantFrom('1.0' as const, '1.1' as const, '1.2' as const),
    formats: fc.uniqueArray(fc.constantFrom(0, 42, 60, 110, 112, 11_542, 11_543, 11_544)),
  });

  test('what is written can be read back, whatever the device announced and refused', () => {
    fc.assert(fc.property(value, anyDevice, fc.nat(6), ({ path, value: json }, { version, formats }, refusals) => {
      const context = device(version, formats);
      const result = planRequest(command({ op: 'write', path, value: json }), context, refusals);
      if (!result.ok) throw new Error(JSON.stringify(result.faults));
      const { options, payload = new Uint8Array() } = result.plan;
      const format = contentFormat({ options }) ?? Number.NaN;
      const report = readReport(payload, format, result.plan.paths, context);
      expect(report).toMatchObject({ values: [{ path, value: json }] });
    }));
  });

  test('options stand in the order of their numbers', () => {
    const request = fc.constantFrom<object>(
      { op: 'observe', path: '/3/0/7', attributes: { pmin: 1, pmax: 2 }, accept: 112 },
      { op: 'read-composite', paths: ['/3', '/1/0/1'] },
      { op: 'write', path: '/1/0/1', value: 1 },
    );
    fc.assert(fc.property(request, anyDevice, fc.constantFrom('/', '/a', '/a/b'), (asked, { version, formats }, root) => {
      const result = planRequest(command(asked), device(version, formats, root));
      const numbers = result.ok ? result.plan.options.map(({ number }) => number) : [];
      expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
      expect(numbers.length).toBeGreaterThan(0);
    }));
  });

  test('fuzz: any command of the contract gives a plan or faults, never an exception', () => {
    const path = fc.oneof(fc.constantFrom('/', '/3', '/1/0', '/1/0/1', '/16/0/0/1', '/3//0', '/65535', ''), fc.string({ maxLength: 12 }));
    const json = fc.oneof(fc.string(), fc.double({ noNaN: true, noDefaultInfinity: true }), fc.boolean(), fc.constant(null));
    const type = fc.constantFrom('string', 'integer', 'unsigned', 'float', 'boolean', 'opaque', 'time', 'objlnk', 'corelnk', 'unknown', undefined);
    const fields = {
      path, paths: fc.array(path, { minLength: 1, maxLength: 3 }), value: json,
      values: fc.array(fc.record({ path, value: json, type }), { minLength: 1, maxLength: 3 }),
      payloadBase64: fc.base64String({ maxLength: 12 }), package: fc.constantFrom('p'.repeat(22), 'p'), arguments: fc.oneof(fc.constantFrom('0', "1='x'"), fc.string({ maxLength: 8 })),
      contentFormat: fc.constantFrom(0, 40, 42, 60, 110, 112, 320, 322, 11_542, 11_543, 11_544, 7),
      accept: fc.nat(65_535), attributes: fc.record({ pmin: fc.nat(), lt: fc.double({ noNaN: true, noDefaultInfinity: true }) }),
    };
    const fuzzed = fc.constantFrom(...operation.options).chain((op) => {
      const { needs, takes } = RULES[op];
      const mine = Object.fromEntries([...needs, ...takes].map((field) => [field, fields[field]] as const));
      return fc.record({ op: fc.constant(op), ...mine }, { requiredKeys: ['op', ...needs] as never[] });
    });
    let planned = 0;
    fc.assert(fc.property(fuzzed, (request) => {
      const parsed = commandRequest.safeParse(request);
      if (!parsed.success) return;
      const result = planRequest(parsed.data, newest);
      if (result.ok) planned += 1;
      else expect(result.faults.length).toBeGreaterThan(0);
      formatChoices(parsed.data, newest);
      expect(checkCommand(parsed.data).length > 0 && result.ok).toBe(false);
    }), { numRuns: 3_000 });
    expect(planned).toBeGreaterThan(100);
  });
});
