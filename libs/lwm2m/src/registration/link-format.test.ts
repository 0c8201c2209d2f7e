import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatLinkFormat, linkParameter, LINK_LIMITS, parseLinkFormat, type Link } from './link-format.ts';

const vectors = JSON.parse(readFileSync(new URL('../../vectors/lwm2m-linkformat.json', import.meta.url), 'utf8')) as {
  discover: { payload: string; note: string }[];
};

const parse = (text: string) => parseLinkFormat(text);

describe('documents', () => {
  test.each<[string, string, Link[]]>([
    ['RFC 6690 §5', '</sensors/temp>;if="sensor"', [{ target: '/sensors/temp', parameters: [{ name: 'if', value: 'sensor' }] }]],
    ['RFC 6690 §5, two links', '</a>;ct=41,</b>;rt="x y";sz=9', [
      { target: '/a', parameters: [{ name: 'ct', value: '41' }] },
      { target: '/b', parameters: [{ name: 'rt', value: 'x y' }, { name: 'sz', value: '9' }] },
    ]],
    ['RFC 6690 §2, bare parameter', '</a>;obs', [{ target: '/a', parameters: [{ name: 'obs' }] }]],
    ['RFC 6690 §2, escapes in quotes', '</a>;title="a \\"b\\", \\\\"', [
      { target: '/a', parameters: [{ name: 'title', value: 'a "b", \\' }] },
    ]],
    ['comma and semicolon in quotes', '</a>;t="x,</b>;y"', [{ target: '/a', parameters: [{ name: 't', value: 'x,</b>;y' }] }]],
    ['blanks', ' </ a > ; ct = 1 ,\r\n\t</b>', [
      { target: '/a', parameters: [{ name: 'ct', value: '1' }] },
      { target: '/b', parameters: [] },
    ]],
    ['comma at the end', '</a>,', [{ target: '/a', parameters: [] }]],
    ['text outside ASCII in quotes', '</a>;t="café"', [{ target: '/a', parameters: [{ name: 't', value: 'café' }] }]],
    ['empty', '', []],
  ])('%s', (_source, text, links) => {
    expect(parse(text)).toEqual({ ok: true, links });
  });

  test.each([
    ',', '</a>,,</b>', '</a>;', '</a>;;x', '</a>;=1', '</a>;x=', '</a> </b>', '</a', 'a>', '<a<b>', '<"a">', '</a>;t="', '</a>;t="\\',
    '</a>;t="\u0007"', '</a\u0000>', '</a>;ct=1 2', '</a>;x=é', 'lwm2m=1.0',
    `<${'a'.repeat(LINK_LIMITS.target + 1)}>`, `</a>${';x'.repeat(LINK_LIMITS.parameters + 1)}`,
    '</a>,'.repeat(LINK_LIMITS.links + 1), `</a>;t="${'x'.repeat(LINK_LIMITS.characters)}"`,
  ])('refuses %j', (text) => {
    expect(parse(text)).toMatchObject({ ok: false });
  });

  test('the limits themselves are within', () => {
    expect(parse('</a>,'.repeat(LINK_LIMITS.links))).toMatchObject({ ok: true });
    expect(parse(`</a>${';x'.repeat(LINK_LIMITS.parameters)}`)).toMatchObject({ ok: true });
  });

  test('time is linear in the length of hostile text', () => {
    for (const piece of ['"\\', '</a>;t="\\"', '<', ';a=', ' ']) {
      const text = piece.repeat(Math.floor(LINK_LIMITS.characters / piece.length));
      const started = performance.now();
      parse(text);
      expect(performance.now() - started).toBeLessThan(500);
    }
  });
});

describe('answers to Discover (lwm2m-linkformat.json)', () => {
  test.each(vectors.discover)('$note', ({ payload }) => {
    const parsed = parseLinkFormat(payload, { bareParameters: true });
    expect(parsed).toMatchObject({ ok: true });
    if (parsed.ok) expect(parsed.links.at(-1)?.target).toMatch(/^\/\d/);
  });

  test('a parameter without a link belongs to the target ""', () => {
    const parsed = parseLinkFormat('lwm2m="1.0",</0/0>;ssid=101,</0/1/>', { bareParameters: true });
    expect(parsed).toMatchObject({ ok: true, links: [{ target: '' }, { target: '/0/0' }, { target: '/0/1/' }] });
    if (parsed.ok) expect(parsed.links.map((link) => linkParameter(link, 'lwm2m'))).toEqual(['1.0', undefined, undefined]);
  });
});

describe('serializer', () => {
  test('writes what clients write', () => {
    const links = [
      { target: '/', parameters: [{ name: 'rt', value: 'oma.lwm2m' }, { name: 'ct', value: '110 112' }] },
      { target: '/1', parameters: [{ name: 'ver', value: '1.1' }, { name: 'obs' }] },
    ];
    expect(formatLinkFormat(links)).toBe('</>;rt="oma.lwm2m";ct="110 112",</1>;ver=1.1;obs');
  });

  const name = fc.stringMatching(/^[a-z]{1,8}$/);
  const value = fc.stringMatching(/^[ -~é]{0,20}$/);
  const link = fc.record({
    target: fc.stringMatching(/^\/[a-z0-9/]{0,20}$/),
    parameters: fc.array(fc.oneof(fc.record({ name }), fc.record({ name, value })), { maxLength: 5 }),
  });

  test('what it writes is parsed to the same links', () => {
    fc.assert(fc.property(fc.array(link, { maxLength: 8 }), (links) => {
      expect(parse(formatLinkFormat(links))).toEqual({ ok: true, links });
    }));
  });
});

test('fuzz: any text gives links or a refusal, never an exception', () => {
  const piece = fc.constantFrom('<', '>', '/', '3', '0', ',', ';', '"', '\\', '=', ' ', 'ct', 'ver', '\u0000', 'é', '\uD800');
  const text = fc.oneof(fc.string(), fc.array(piece, { maxLength: 60 }).map((pieces) => pieces.join('')));
  fc.assert(fc.property(text, fc.boolean(), (hostile, bareParameters) => {
    const result = parseLinkFormat(hostile, { bareParameters });
    expect(result.ok ? result.links.length <= hostile.length : result.detail.length > 0).toBe(true);
  }), { numRuns: 2_000 });
});
