import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatCode } from '@cluster/coap';
import { announcedVersions } from './object-links.ts';
import { MAX_LIFETIME_S } from './parameters.ts';
import { parseRegister, parseUpdate, type RegisterPolicy, type Registration } from './register.ts';

const readVectors = (name: string) => JSON.parse(readFileSync(new URL(`../../vectors/${name}`, import.meta.url), 'utf8'));
const policy: RegisterPolicy = { unknownParameters: 'keep' };
const list = new TextEncoder().encode('</1/0>,</3/0>');
const bytes = (text: string) => new TextEncoder().encode(text);

/** Registers with a good list; the code or the registration. */
function register(query: string, changed: Partial<RegisterPolicy> = {}, payload = list): Registration | string {
  const result = parseRegister(query.split('&'), payload, 40, { ...policy, ...changed });
  return result.ok ? result.registration : formatCode(result.code);
}

describe('lwm2m-register-query.json', () => {
  const known = (pid: string) => (pid === '6:27354b9a' || pid === 'v:acme-1' ? [{ path: '/3303/0' }] : undefined);
  const { cases } = readVectors('lwm2m-register-query.json') as { cases: { query: string; expect: string }[] };
  const node1 = { endpoint: 'node1', lifetimeS: 300, lwm2mVersion: '1.1', binding: 'U', queueMode: false };
  /** What each row's expectation means here, pinned where the row leaves a choice. */
  const pinned: Readonly<Record<string, [Partial<RegisterPolicy>, object | string][]>> = {
    'ep=node1&lt=300&lwm2m=1.1&b=U': [[{}, node1]],
    'ep=node1&lt=300&lwm2m=1.1': [[{}, node1]],
    'ep=node1&lt=300&lwm2m=1.1&b=U&Q': [[{}, { ...node1, queueMode: true }]],
    'ep=node1&lt=300&lwm2m=1.0&b=UQ': [[{}, { lwm2mVersion: '1.0', binding: 'U', queueMode: true }]],
    'ep=node1&lt=300&lwm2m=1.0&b=UQS&sms=12345678': [[{}, { binding: 'US', queueMode: true, smsNumber: '12345678' }]],
    'Q&b=UT&lwm2m=1.1&lt=300&ep=node1': [[{}, { ...node1, binding: 'UT', queueMode: true }]],
    'ep=node1&lwm2m=1.1': [[{}, '4.00'], [{ defaults: { lifetimeS: 2_592_000 } }, { lifetimeS: 2_592_000 }]],
    'ep=node1&lt=300': [[{}, { lwm2mVersion: '1.0' }]],
    'lt=300&lwm2m=1.1': [[{}, '4.00'], [{ identity: 'psk-1' }, { endpoint: 'psk-1' }]],
    'ep=&lt=300&lwm2m=1.1': [[{}, '4.00'], [{ identity: 'psk-1' }, { endpoint: 'psk-1' }]],
    'ep=node1&lt=abc&lwm2m=1.1': [[{}, '4.00']],
    'ep=node1&lt=-1&lwm2m=1.1': [[{}, '4.00']],
    'ep=node1&lt=0&lwm2m=1.1': [[{}, '4.00'], [{ zeroLifetime: 'infinite' }, { lifetimeS: 0 }]],
    'ep=node1&lt=4294967296&lwm2m=1.1': [[{}, '4.00']],
    'ep=node1&lt=300&lwm2m=2.0': [[{}, '4.12']],
    'ep=node1&lt=300&lwm2m=1.9': [[{}, '4.12']],
    'ep=node1&lt=300&lwm2m=x': [[{}, '4.00']],
    'ep=node1&lt=300&lwm2m=1.1&b=X': [[{}, '4.00']],
    'ep=node1&lt=300&lwm2m=1.1&foo=bar': [[{}, { attributes: { foo: 'bar' } }], [{ unknownParameters: 'reject' }, '4.00']],
    'ep=a&ep=b&lt=300&lwm2m=1.1': [[{}, '4.00']],
    'ep=n%20de&lt=300&lwm2m=1.1': [[{}, { endpoint: 'n%20de' }]],
    'ep=urn:imei:490154203237518&lt=300&lwm2m=1.1': [[{}, { endpoint: 'urn:imei:490154203237518' }]],
    'ep=<300 bytes>&lt=300': [[{}, '4.00']],
    'ep=node1&lt=300&lwm2m=1.2&pid=6:27354b9a': [
      [{ profile: known }, { attributes: { pid: '6:27354b9a' }, objectLinks: [{ path: '/3303/0' }] }],
      [{}, '4.09'],
    ],
    'ep=node1&lt=300&lwm2m=1.2&pid="6:27354b9a,v:acme-1"': [[{ profile: known }, { objectLinks: [{ path: '/3303/0' }] }]],
    'ep=node1&lt=300&lwm2m=1.1&sms=+33612345678': [[{}, { smsNumber: '33612345678' }]],
  };

  test('each row of the file is pinned', () => {
    expect(Object.keys(pinned)).toEqual(cases.map(({ query }) => query));
  });

  const rows = cases.flatMap(({ query, expect: told }) => (pinned[query] ?? []).map(([changed, want]) => ({ query, told, changed, want })));
  test.each(rows)('$query: $told', ({ query, changed, want }) => {
    const result = register(query.replace('<300 bytes>', 'x'.repeat(300)), changed, query.includes('pid=') ? bytes('') : list);
    if (typeof want === 'string') expect(result).toBe(want);
    else expect(result).toMatchObject(want);
  });
});

describe('lwm2m-linkformat.json', () => {
  interface Row {
    payload: string;
    accept: boolean;
    note: string;
    expect: string | { objects?: Record<string, number[]>; ct?: number[]; root?: string; ver?: Record<string, string>; ignored?: string[] };
  }
  const rows = (readVectors('lwm2m-linkformat.json') as { register: Row[] }).register;

  test.each(rows.map((row) => ({ ...row, name: `${row.payload.slice(0, 60)} ${row.note}` })))('$name', (row) => {
    const result = register('ep=n&lt=60&lwm2m=1.1', {}, bytes(row.payload));
    if (!row.accept || typeof row.expect === 'string') {
      expect(result).toBe('4.00');
      return;
    }
    if (typeof result === 'string') throw new Error(`refused with ${result}`);
    const paths = result.objectLinks.map(({ path }) => path);
    for (const [object, instances] of Object.entries(row.expect.objects ?? { 3: [0] })) {
      const own = paths.filter((path) => path.split('/')[1] === object).flatMap((path) => path.split('/').slice(2));
      expect(own.map(Number)).toEqual(instances);
    }
    expect(new Set(paths).size).toBe(paths.length);
    expect(result.rootPath).toBe(row.expect.root ?? '/');
    expect(result.contentFormats).toEqual(row.expect.ct ?? []);
    if (row.expect.ver) expect(Object.fromEntries(announcedVersions(result.objectLinks))).toMatchObject(row.expect.ver);
    expect(paths.filter((path) => row.expect instanceof Object && row.expect.ignored?.some((i) => path.startsWith(`${i}/`)))).toEqual([]);
  });
});

describe('Register', () => {
  test('all it tells', () => {
    expect(register('ep=n&lt=60&lwm2m=1.1&b=UT&Q&sms=33612345678&x=1&y', {}, bytes('</lwm2m>;rt="oma.lwm2m";ct="112 60",</lwm2m/1/0>,</lwm2m/3>;ver=1.2,</lwm2m/3/0>'))).toEqual({
      endpoint: 'n', lifetimeS: 60, lwm2mVersion: '1.1', binding: 'UT', queueMode: true, smsNumber: '33612345678',
      attributes: { x: '1', y: '' }, rootPath: '/lwm2m', contentFormats: [112, 60],
      objectLinks: [{ path: '/1/0' }, { path: '/3', version: '1.2' }, { path: '/3/0' }],
    });
  });

  test.each<[string, string, string | object, Partial<RegisterPolicy>?]>([
    ['1.0 has a default lifetime, Core 1.0 §5.3.1', 'ep=n', { lifetimeS: 86_400, lwm2mVersion: '1.0' }],
    ['F1 the name of a parameter is case-sensitive', 'Ep=n&lt=60&lwm2m=1.1', '4.00'],
    ['the version is judged first', 'lt=x&lwm2m=3.0', '4.12'],
    ['three numbers are a version that is not served', 'ep=n&lt=60&lwm2m=1.2.1', '4.12'],
    ['UQ kept on 1.1, seen in the field', 'ep=n&lt=60&lwm2m=1.1&b=UQ', { binding: 'U', queueMode: true }],
    ['1.2 letters', 'ep=n&lt=60&lwm2m=1.2&b=UMH', { binding: 'UMH' }],
    ['"Q=" is the flag too', 'ep=n&lt=60&lwm2m=1.1&Q=', { queueMode: true }],
    ['Q with a value', 'ep=n&lt=60&lwm2m=1.1&Q=1', '4.00'],
    ['letter twice', 'ep=n&lt=60&lwm2m=1.1&b=UU', '4.00'],
    ['b without value', 'ep=n&lt=60&lwm2m=1.1&b', '4.00'],
    ['lt without value', 'ep=n&lt&lwm2m=1.1', '4.00'],
    ['longest lifetime', `ep=n&lt=${MAX_LIFETIME_S}&lwm2m=1.1`, { lifetimeS: 4_294_967_295 }],
    ['lt=0 of a 1.2 client is without end', 'ep=n&lt=0&lwm2m=1.2', { lifetimeS: 0 }],
    ['lt=0 of a 1.2 client, where the operator wants none', 'ep=n&lt=0&lwm2m=1.2', '4.00', { zeroLifetime: 'reject' }],
    ['lt with a sign', 'ep=n&lt=+60&lwm2m=1.1', '4.00'],
    ['lt in another notation', 'ep=n&lt=1e3&lwm2m=1.1', '4.00'],
    ['sms is no number', 'ep=n&lt=60&lwm2m=1.1&sms=abc', '4.00'],
    ['control character in the name', 'ep=n\u0000&lt=60&lwm2m=1.1', '4.00'],
    ['line break in the name', 'ep=a\nb&lt=60&lwm2m=1.1', '4.00'],
    ['bytes that were not UTF-8', 'ep=\uFFFD&lt=60&lwm2m=1.1', '4.00'],
    ['unpaired surrogate', 'ep=\uD800&lt=60&lwm2m=1.1', '4.00'],
    ['parameter without name', 'ep=n&=1&lt=60&lwm2m=1.1', '4.00'],
    ['value with "="', 'ep=a=b&lt=60&lwm2m=1.1', { endpoint: 'a=b' }],
    ['pid is unknown before 1.2', 'ep=n&lt=60&lwm2m=1.1&pid=6:1', '4.00', { unknownParameters: 'reject' }],
    ['17 unknown parameters', `ep=n&lt=60&lwm2m=1.1&${Array.from({ length: 17 }, (_, i) => `x${i}`).join('&')}`, '4.00'],
    ['__proto__', 'ep=n&lt=60&lwm2m=1.1&__proto__=x', '4.00'],
    ['a pid that is unknown, with a list', 'ep=n&lt=60&lwm2m=1.2&pid=6:1', { objectLinks: [{ path: '/1/0' }, { path: '/3/0' }] }],
  ])('%s: %s', (_what, query, want, changed) => {
    const result = register(query, changed);
    if (typeof want === 'string') expect(result).toBe(want);
    else expect(result).toMatchObject(want);
  });

  test('B119 an empty list gets 4.09 in 1.2 and where the binding has defaults', () => {
    expect(register('ep=n&lt=60&lwm2m=1.2', {}, bytes(''))).toBe('4.09');
    expect(register('', { identity: '0011223344556677', defaults: { lwm2mVersion: '1.1', lifetimeS: 2_592_000 } }, bytes(''))).toBe('4.00');
    const defaults = { lwm2mVersion: '1.1', lifetimeS: 2_592_000, queueMode: true } as const;
    const lora = (changed: object, payload: Uint8Array) =>
      parseRegister([], payload, undefined, { ...policy, identity: '0011223344556677', defaults: { ...defaults, ...changed } });
    expect(lora({}, bytes(''))).toMatchObject({ ok: false, fault: 'OBJECT_LIST_MISSING' });
    expect(formatCode((lora({}, bytes('')) as { code: number }).code)).toBe('4.09');
    expect(lora({}, list)).toMatchObject({ ok: true, registration: { endpoint: '0011223344556677', lwm2mVersion: '1.1', queueMode: true } });
    expect(lora({ objectLinks: [{ path: '/3/0' }] }, bytes(''))).toMatchObject({ ok: true, registration: { objectLinks: [{ path: '/3/0' }] } });
  });

  test.each([[0, '4.15'], [11_542, '4.15'], [40, 'taken'], [undefined, 'taken']])('content format %s is %s', (contentFormat, want) => {
    const result = parseRegister(['ep=n', 'lt=60', 'lwm2m=1.1'], list, contentFormat, policy);
    expect(result.ok ? 'taken' : formatCode(result.code)).toBe(want);
  });

  test.each([
    ['"112,110"', [112, 110]], ['"112  110"', [112, 110]], ['"112 112"', [112]], ['70000', []], ['"0 65535 65536"', [0, 65_535]],
  ])('ct=%s', (ct, contentFormats) => {
    expect(register('ep=n&lt=60&lwm2m=1.1', {}, bytes(`</>;ct=${ct},</3/0>`))).toMatchObject({ contentFormats });
  });

  test.each([['/my.root', true], ['/a/b-c', true], ['/a%20b', false], ['/a/3', false], ['/a//b', false], [`/${'a'.repeat(65)}`, false]])('root %s', (root, taken) => {
    expect(register('ep=n&lt=60&lwm2m=1.1', {}, bytes(`<${root}>;rt="oma.lwm2m",<${root}/3/0>`))).toEqual(taken ? expect.objectContaining({ rootPath: root }) : '4.00');
  });

  test('payload that is not UTF-8', () => {
    expect(register('ep=n&lt=60&lwm2m=1.1', {}, Uint8Array.of(0x3c, 0x2f, 0xff, 0x3e))).toBe('4.00');
  });

  test('of several links to one path the version told counts', () => {
    expect(register('ep=n&lt=60&lwm2m=1.1', {}, bytes('</3>,</3>;ver=1.1,</3>;ver=1.2'))).toMatchObject({ objectLinks: [{ path: '/3', version: '1.1' }] });
  });

  test("an object's own version wins over one on its instance", () => {
    expect(announcedVersions([{ path: '/44/0', version: '2.2' }, { path: '/44', version: '2.1' }]).get(44)).toBe('2.1');
  });
});

describe('Update', () => {
  const current: Registration = {
    endpoint: 'n', lifetimeS: 60, lwm2mVersion: '1.1', binding: 'U', queueMode: true, attributes: { a: '1' },
    rootPath: '/alt', objectLinks: [{ path: '/1/0' }], contentFormats: [112],
  };
  const update = (query: string, payload = '', changed: Partial<Registration> = {}, contentFormat?: number) => {
    const result = parseUpdate(query === '' ? [] : query.split('&'), bytes(payload), contentFormat, policy, { ...current, ...changed });
    return result.ok ? result.changes : formatCode(result.code);
  };

  test.each<[string, string, string, object | string]>([
    ['empty: nothing changes', '', '', {}],
    ['E13 lifetime', 'lt=20', '', { lifetimeS: 20 }],
    ['lifetime that is none', 'lt=x', '', '4.00'],
    ['binding alone leaves queue mode, which Q alone can not end', 'b=UT', '', { binding: 'UT' }],
    ['queue mode on', 'Q', '', { queueMode: true }],
    ['SMS number', 'sms=123', '', { smsNumber: '123' }],
    ['unknown parameter joins the others', 'x=2', '', { attributes: { a: '1', x: '2' } }],
    ['ep and lwm2m mean nothing', 'ep=other&lwm2m=1.2', '', {}],
    ['duplicate', 'lt=1&lt=2', '', '4.00'],
    ['Core 1.1 §6.2.2 a list replaces; root and formats stay', '', '</alt/3/0>,</5>', {
      objectLinks: [{ path: '/3/0' }, { path: '/5' }], rootPath: '/alt', contentFormats: [112],
    }],
    ['B64 the root changes', '', '</new>;rt="oma.lwm2m";ct=110,</new/3/0>', {
      objectLinks: [{ path: '/3/0' }], rootPath: '/new', contentFormats: [110],
    }],
    ['the root becomes "/"', '', '</>;rt="oma.lwm2m",</3/0>', { objectLinks: [{ path: '/3/0' }], rootPath: '/', contentFormats: [112] }],
    ['bad list', '', '</3/0', '4.00'],
    ['list without an object', '', '</>;ct=112', '4.00'],
  ])('%s', (_what, query, payload, want) => {
    expect(update(query, payload)).toEqual(want);
  });

  test('1.0: b without Q ends queue mode', () => {
    expect(update('b=U', '', { lwm2mVersion: '1.0' })).toEqual({ binding: 'U', queueMode: false });
  });

  test('B111 strict: what Update does not know gets 4.00', () => {
    const strict = (query: string) => parseUpdate([query], bytes(''), undefined, { ...policy, unknownParameters: 'reject' }, current).ok;
    expect(['lt=1', 'b=U', 'Q', 'sms=1', 'ep=n', 'x=1'].map(strict)).toEqual([true, true, true, true, false, false]);
  });

  test('another content format', () => {
    expect(update('', '</3/0>', {}, 0)).toBe('4.15');
  });

  test('attributes do not grow without end', () => {
    const full = Object.fromEntries(Array.from({ length: 16 }, (_, i) => [`x${i}`, '']));
    expect(update('y=1', '', { attributes: full })).toBe('4.00');
    expect(update('x3=1', '', { attributes: full })).toEqual({ attributes: { ...full, x3: '1' } });
  });
});

test('fuzz: any queries and payload give a registration or a code of table 6.7-2, never an exception', () => {
  const key = fc.constantFrom('ep', 'lt', 'lwm2m', 'b', 'Q', 'sms', 'pid', 'x', '');
  const query = fc.oneof(fc.string(), fc.tuple(key, fc.oneof(fc.string(), fc.constantFrom('1.1', '300', 'U', 'UQ'))).map(([k, v]) => `${k}=${v}`));
  const link = fc.constantFrom('</1/0>', '</3>;ver=1.1', '</>;ct=112', ',', '</a>;rt="oma.lwm2m"', '"', '<', ' ');
  const payload = fc.oneof(fc.uint8Array(), fc.array(link).map((links) => bytes(links.join(','))));
  fc.assert(fc.property(fc.array(query), payload, fc.option(fc.integer({ min: 0, max: 65_535 }), { nil: undefined }), (queries, body, format) => {
    const result = parseRegister(queries, body, format, policy);
    expect(result.ok || ['4.00', '4.09', '4.12', '4.15'].includes(formatCode(result.code))).toBe(true);
  }), { numRuns: 2_000 });
});

test('devices of one kind share their object list, and what is known of it', () => {
  const linksOf = (endpoint: string) => (register(`ep=${endpoint}&lt=300&lwm2m=1.1`) as Registration).objectLinks;
  expect(linksOf('b')).toBe(linksOf('a'));
});
