import { describe, expect, test } from 'vitest';
import { encodeUtf8 } from '@cluster/bytes';
import { formatCode, OptionNumber, uintValue } from '@cluster/coap';
import { device } from '../../testing/devices.ts';
import { parseSend } from './send.ts';

const NOW_S = 1_700_000_000;
const registered = [{ path: '/1/0' }, { path: '/3' }, { path: '/3/0' }, { path: '/5' }];

function send(payload: string | Uint8Array, format: number | undefined = 110, objectLinks: readonly { path: string }[] = registered) {
  const options = format === undefined ? [] : [{ number: OptionNumber.CONTENT_FORMAT, value: uintValue(format) }];
  const body = typeof payload === 'string' ? encodeUtf8(payload) : payload;
  const result = parseSend({ options, payload: body }, { ...device('1.1'), objectLinks }, NOW_S);
  return result.ok ? result.values : formatCode(result.code);
}

const bytes = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'));
const lifetime = '[{"n":"/1/0/1","v":60}]';

describe('B101 Send', () => {
  test('E63 int-311 values with their paths', () => {
    expect(send('[{"n":"/1/0/1","v":60},{"n":"/3/0/11/0","v":0}]')).toEqual([
      { path: '/1/0/1', value: 60, type: 'integer', unit: 's' },
      { path: '/3/0/11/0', value: 0, type: 'integer' },
    ]);
  });

  test('times of stored values, absolute and relative', () => {
    expect(send('[{"bn":"/3/0/9","bt":1600000000,"v":1},{"t":5,"v":2}]')).toMatchObject([{ time: 1_600_000_000 }, { time: 1_600_000_005 }]);
    expect(send('[{"n":"/3/0/9","t":-5,"v":1}]')).toMatchObject([{ time: NOW_S - 5 }]);
  });

  test('a time far in the future is kept and marked, one a little ahead is not', () => {
    const at = (time: number) => send(`[{"n":"/3/0/9","t":${time},"v":1}]`);
    expect(at(NOW_S + 301)).toMatchObject([{ path: '/3/0/9', value: 1, time: NOW_S + 301, timeSuspect: true }]);
    for (const time of [NOW_S + 300, NOW_S, NOW_S - 86_400 * 365]) expect((at(time) as object[])[0]).not.toHaveProperty('timeSuspect');
  });

  test('SenML CBOR and LwM2M CBOR', () => {
    expect(send(bytes('81a200662f312f302f3102183c'), 112)).toMatchObject([{ path: '/1/0/1', value: 60 }]);
    expect(send(bytes('a101a100a101183c'), 11_544)).toMatchObject([{ path: '/1/0/1', value: 60 }]);
  });

  test.each<[string, Parameters<typeof send>, string]>([
    ['bad payload', ['[{'], '4.00'],
    ['empty payload', [''], '4.00'],
    ['no value in it', ['[]'], '4.00'],
    ['path that can not exist', ['[{"n":"/1/x","v":1}]'], '4.00'],
    ['text', ['60', 0], '4.15'],
    ['TLV', [bytes('c1013c'), 11_542], '4.15'],
    ['SenML-ETCH', [lifetime, 320], '4.15'],
    ['object not registered', ['[{"n":"/6/0/0","v":1}]'], '4.04'],
    ['Security is never registered', ['[{"n":"/0/0/0","vs":"coap://x"}]'], '4.04'],
    ['instance not registered', ['[{"n":"/1/1/1","v":60}]'], '4.04'],
    ['instance not registered, the object itself listed too', ['[{"n":"/3/1/9","v":60}]'], '4.04'],
    ['one of two not registered', ['[{"n":"/1/0/1","v":60},{"n":"/6/0/0","v":1}]'], '4.04'],
    ['nothing registered', [lifetime, 110, []], '4.04'],
  ])('%s', (_what, args, code) => {
    expect(send(...args)).toBe(code);
  });

  test('content format missing', () => {
    expect(parseSend({ options: [], payload: encodeUtf8(lifetime) }, { ...device('1.1'), objectLinks: registered })).toMatchObject({ ok: false, code: 0x80 });
  });

  test('an object registered without instances lets any pass', () => {
    expect(send('[{"n":"/5/0/3","v":1}]')).toMatchObject([{ path: '/5/0/3' }]);
  });
});
