import { formatCode } from '@cluster/coap';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseBootstrapRequest, parsePackRequest } from './bootstrap-request.ts';

const code = (result: ReturnType<typeof parseBootstrapRequest>) => (result.ok ? result : `${formatCode(result.code)} ${result.fault}`);

describe('Bootstrap-Request (row B67)', () => {
  it.each([
    ['with a name', ['ep=urn:dev:1'], { ok: true, endpoint: 'urn:dev:1' }],
    ['without one, which the security layer is to tell', [], { ok: true }],
    ['with an empty name', ['ep='], { ok: true }],
    ['with pct', ['ep=a', 'pct=112'], { ok: true, endpoint: 'a', preferredFormat: 112 }],
    ['with parameters that are unknown', ['ep=a', 'x=1', 'y'], { ok: true, endpoint: 'a' }],
    // OMA Transport 1.1.1 slide "Bootstrap flow" writes Ep: names are case-sensitive.
    ['with another spelling of ep', ['Ep=a'], { ok: true }],
    ['with a format that holds no instance', ['ep=a', 'pct=0'], '4.15 PREFERRED_FORMAT_UNSUPPORTED'],
    ['with an unknown format', ['ep=a', 'pct=65000'], '4.15 PREFERRED_FORMAT_UNSUPPORTED'],
    ['with pct that is no number', ['ep=a', 'pct=tlv'], '4.00 PREFERRED_FORMAT_INVALID'],
    ['with an empty pct', ['ep=a', 'pct='], '4.00 PREFERRED_FORMAT_INVALID'],
    ['with two names', ['ep=a', 'ep=b'], '4.00 PARAMETER_DUPLICATE'],
    ['with control characters', ['ep=a\n'], '4.00 QUERY_INVALID'],
    ['with a name that was not UTF-8', ['ep=\uFFFD'], '4.00 QUERY_INVALID'],
    ['with a parameter that has no name', ['=a'], '4.00 QUERY_INVALID'],
    ['with too many parameters', Array.from({ length: 33 }, (_, i) => `p${i}=1`), '4.00 QUERY_INVALID'],
  ])('%s', (_, queries, expected) => expect(code(parseBootstrapRequest(queries))).toEqual(expected));
});

describe('Bootstrap-Pack-Request', () => {
  it.each([
    [112, { ok: true, endpoint: 'a', preferredFormat: 112 }],
    [110, { ok: true, endpoint: 'a', preferredFormat: 110 }],
    [11_544, { ok: true, endpoint: 'a', preferredFormat: 11_544 }],
    [undefined, { ok: true, endpoint: 'a', preferredFormat: 112 }],
    [11_542, '4.06 PREFERRED_FORMAT_UNSUPPORTED'],
  ])('Accept %s', (accept, expected) => expect(code(parsePackRequest(['ep=a'], accept))).toEqual(expected));
});

it('any query is a request or a fault', () => {
  fc.assert(fc.property(fc.array(fc.string({ unit: 'binary' }), { maxLength: 40 }), fc.option(fc.nat(70_000), { nil: undefined }), (queries, accept) => {
    for (const result of [parseBootstrapRequest(queries), parsePackRequest(queries, accept)]) if (!result.ok) expect(result.code >> 5).toBe(4);
  }));
});
