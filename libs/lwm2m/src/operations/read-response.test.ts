import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeUtf8 } from '@cluster/bytes';
import { Code, MessageType, OptionNumber, uintValue, type CoapMessage } from '@cluster/coap';
import { commandRequest, commandResponse } from '@cluster/contracts';
import { device } from '../../testing/devices.ts';
import { readReport } from './report.ts';
import { readResponse } from './read-response.ts';

const NOW_S = 1_700_000_000;

interface Answer {
  readonly code: number;
  readonly format?: number;
  readonly payload?: Uint8Array;
  readonly location?: readonly string[];
}

function message({ code, format, payload = new Uint8Array(), location = [] }: Answer): CoapMessage {
  const options = location.map((segment) => ({ number: OptionNumber.LOCATION_PATH as number, value: encodeUtf8(segment) }));
  if (format !== undefined) options.push({ number: OptionNumber.CONTENT_FORMAT, value: uintValue(format) });
  return { type: MessageType.ACK, code, messageId: 1, token: Uint8Array.of(1), options, payload };
}

function read(request: object, answer: Answer, context = device('1.1')) {
  const response = readResponse(commandRequest.parse(request), message(answer), context, NOW_S);
  return commandResponse.parse(response);
}

const content = (format: number | undefined, payload: string | Uint8Array): Answer => ({
  code: Code.CONTENT,
  payload: typeof payload === 'string' ? encodeUtf8(payload) : payload,
  ...(format !== undefined && { format }),
});
const bytes = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'));

describe('values', () => {
  test.each<[string, object, Answer, object[]]>([
    ['TLV', { op: 'read', path: '/3/0' }, content(11_542, bytes('c10964860641000141010588070842000ed842011388')), [
      { path: '/3/0/9', value: 100, type: 'integer', unit: '%' },
      { path: '/3/0/6/0', value: 1, type: 'integer' },
      { path: '/3/0/6/1', value: 5, type: 'integer' },
      { path: '/3/0/7/0', value: 3800, type: 'integer', unit: 'mV' },
      { path: '/3/0/7/1', value: 5000, type: 'integer', unit: 'mV' },
    ]],
    ['text', { op: 'read', path: '/3/0/9' }, content(0, '87'), [{ path: '/3/0/9', value: 87, type: 'integer', unit: '%' }]],
    ['a resource without a format is text', { op: 'read', path: '/3/0/0' }, content(undefined, 'OMA'), [{ path: '/3/0/0', value: 'OMA', type: 'string' }]],
    ['text that is no integer is shown as it came', { op: 'read', path: '/3/0/9' }, content(0, 'x'), [{ path: '/3/0/9', value: 'x', type: 'unknown', unit: '%' }]],
    ['empty text', { op: 'read', path: '/3/0/0' }, content(0, ''), [{ path: '/3/0/0', value: '', type: 'string' }]],
    ['SenML JSON with time', { op: 'read', path: '/3/0/9' }, content(110, '[{"bn":"/3/0/9","v":87,"bt":1600000000}]'), [{ path: '/3/0/9', value: 87, type: 'integer', unit: '%', time: 1_600_000_000 }]],
    ['SenML JSON with relative time', { op: 'read', path: '/3/0/9' }, content(110, '[{"bn":"/3/0/9","v":87,"t":-10}]'), [{ path: '/3/0/9', value: 87, type: 'integer', unit: '%', time: NOW_S - 10 }]],
    ['E52 int-281 composite, some paths missing', { op: 'read-composite', paths: ['/1/0/1', '/1/0/7', '/1/0/8'] }, content(110, '[{"n":"/1/0/1","v":60},{"n":"/1/0/7","vs":"U"}]'), [
      { path: '/1/0/1', value: 60, type: 'integer', unit: 's' },
      { path: '/1/0/7', value: 'U', type: 'string' },
    ]],
    ['B85 object without instances', { op: 'read', path: '/16' }, content(undefined, ''), []],
    ['first notification', { op: 'observe', path: '/3/0/9' }, content(0, '87'), [{ path: '/3/0/9', value: 87, type: 'integer', unit: '%' }]],
  ])('%s', (_what, request, answer, values) => {
    expect(read(request, answer, device('1.0')).values).toEqual(values);
  });
});

describe('what is no value', () => {
  test.each<[string, object, Answer, object]>([
    ['E47 int-256 refused', { op: 'write', path: '/1/0/0', value: 1 }, { code: Code.METHOD_NOT_ALLOWED }, { code: '4.05' }],
    ['diagnostic text of an error is kept raw', { op: 'read', path: '/3' }, { code: Code.NOT_FOUND, payload: encodeUtf8('no') }, { code: '4.04', payloadBase64: 'bm8=' }],
    ['B110 a code outside the tables', { op: 'read', path: '/3' }, { code: 0xbf }, { code: '5.31' }],
    ['changed', { op: 'write', path: '/1/0/1', value: 1 }, { code: Code.CHANGED }, { code: '2.04' }],
    ['B92 Discover', { op: 'discover', path: '/3' }, content(40, '</3/0>;pmin=1'), { code: '2.05', contentFormat: 40, payloadBase64: 'PC8zLzA+O3BtaW49MQ==', links: '</3/0>;pmin=1' }],
    ['B89 Location-Path', { op: 'create', path: '/16' }, { code: Code.CREATED, location: ['16', '1'] }, { code: '2.01', location: '/16/1' }],
    ['a Location-Path that is no instance', { op: 'create', path: '/16' }, { code: Code.CREATED, location: ['rd', 'x'] }, { code: '2.01' }],
    ['B89 no Location-Path: the id that we chose', { op: 'create', path: '/16/4' }, { code: Code.CREATED }, { code: '2.01', location: '/16/4' }],
    ['B89 no Location-Path: the id in the values', { op: 'create', path: '/16', values: [{ path: '/16/5/0', value: 'x' }] }, { code: Code.CREATED }, { code: '2.01', location: '/16/5' }],
  ])('%s', (_what, request, answer, expected) => {
    expect(read(request, answer)).toEqual(expected);
  });

  test('B64 Location-Path with the alternate path', () => {
    expect(read({ op: 'create', path: '/16' }, { code: Code.CREATED, location: ['alt', '16', '1'] }, device('1.1', [], '/alt')).location).toBe('/16/1');
  });

  test.each<[string, object, Answer]>([
    ['cut TLV', { op: 'read', path: '/3/0' }, content(11_542, bytes('c8001441'))],
    ['a format nobody knows', { op: 'read', path: '/3/0' }, content(9_999, 'x')],
    ['an instance without a format', { op: 'read', path: '/3/0' }, content(undefined, 'x')],
    ['links that are not UTF-8', { op: 'discover', path: '/3' }, content(40, bytes('ff'))],
    ['Discover in another format', { op: 'discover', path: '/3' }, content(0, 'x')],
  ])('told, not thrown: %s', (_what, request, answer) => {
    const response = read(request, answer);
    expect(response).toMatchObject({ code: '2.05', payloadBase64: expect.any(String), decodeError: expect.any(String) });
  });
});

test('fuzz: any payload in any format gives a response of the contract', () => {
  const format = fc.constantFrom(undefined, 0, 40, 42, 60, 110, 112, 320, 322, 11_542, 11_543, 11_544, 1_542, 50);
  const path = fc.constantFrom('/3', '/3/0', '/3/0/9', '/3/0/7/0', '/40000/0/1');
  const context = device('1.2');
  fc.assert(fc.property(fc.uint8Array({ maxLength: 80 }), format, path, (payload, cf, target) => {
    const response = read({ op: 'read', path: target }, content(cf, payload), context);
    expect(response.code).toBe('2.05');
    expect(response.values === undefined || response.decodeError === undefined || response.values.length === 0).toBe(true);
    readReport(payload, cf, [], context, NOW_S);
  }), { numRuns: 2_000 });
});
