import { hex, toHex } from '@cluster/bytes';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decoded, message, option, vectors } from '../../test/fixtures.ts';
import { blockOption, blockSize, encodeBlock } from './block-option.ts';
import { Code, formatCode, parseCode } from './codes.ts';
import { MAX_OPTIONS, decodeMessage } from './decode.ts';
import { CoapEncodeError, encodeMessage } from './encode.ts';
import type { CoapMessage, CoapOption } from './message.ts';
import { OptionNumber, uintOption, uintValue, uriPath, uriQuery, withoutOptions } from './options.ts';

interface Rfc7252 {
  figures: { figure: number; title: string; steps: { hex: string; bytes: number }[] }[];
  optionHeads: { option: number; valueLen: number; hexHead: string }[];
}
interface Rfc7959 {
  optionValues: { num: number; m: number; szx: number; size: number | string; hex: string }[];
}

describe('figures of RFC 7252 Appendix A', () => {
  const steps = vectors<Rfc7252>('rfc7252-coap').figures.flatMap(({ figure, title, steps: all }) =>
    all.map((step) => ({ figure, title, ...step })),
  );

  it.each(steps)('figure $figure, $title: $hex', ({ hex: wire, bytes }) => {
    expect(wire.length / 2).toBe(bytes);
    expect(toHex(encodeMessage(decoded(hex(wire))))).toBe(wire);
  });

  it('reads figure 17 as the RFC prints it', () => {
    const request = decoded(hex('41017d3520bb74656d7065726174757265'));
    expect(request).toMatchObject({ type: 0, code: Code.GET, messageId: 0x7d35 });
    expect([...request.token]).toEqual([0x20]);
    expect(uriPath(request)).toEqual(['temperature']);
    expect(request.payload).toHaveLength(0);
  });
});

describe('option heads of RFC 7252 §3.1', () => {
  it.each(vectors<Rfc7252>('rfc7252-coap').optionHeads)('option $option of $valueLen bytes', ({ option: number, valueLen, hexHead }) => {
    // The rows show the head and the first bytes of the value; the values here are zeros, or those of the row.
    const head = 1 + extended(number) + extended(valueLen);
    const shown = hex(hexHead);
    const value = new Uint8Array(valueLen);
    value.set(shown.subarray(head, head + valueLen));
    const wire = encodeMessage(message({ code: Code.GET, options: [{ number, value }] })).subarray(4);
    expect(toHex(wire)).toBe(hexHead.slice(0, 2 * head) + toHex(value));
    expect(decoded(encodeMessage(message({ code: Code.GET, options: [{ number, value }] }))).options).toEqual([{ number, value }]);
  });

  const extended = (value: number): number => (value < 13 ? 0 : value < 269 ? 1 : 2);
});

describe('Block values of RFC 7959 §2.2', () => {
  it.each(vectors<Rfc7959>('rfc7959-block').optionValues)('$num/$m/$size is $hex', ({ num, m, szx, size, hex: wire }) => {
    const block = { num, more: m === 1, szx };
    const written = encodeBlock(OptionNumber.BLOCK2, block);
    expect(toHex(written.value)).toBe(wire);
    expect(blockOption({ options: [written] }, OptionNumber.BLOCK2)).toEqual(block);
    if (szx < 7) expect(blockSize(szx)).toBe(size);
  });

  it('refuses more than three bytes', () => {
    expect(blockOption({ options: [option(OptionNumber.BLOCK2, hex('01000006'))] }, OptionNumber.BLOCK2)).toBeUndefined();
  });
});

describe('malformed messages', () => {
  // The source of each row is the sentence of RFC 7252 in its title.
  it.each([
    ['', 'too-short', '§3: the header is 4 bytes', false],
    ['4001', 'too-short', '§3: the header is 4 bytes', false],
    ['8001123400', 'version', '§3: unknown versions are silently ignored', false],
    ['00011234', 'version', '§3: unknown versions are silently ignored', false],
    ['4901123400112233445566778899', 'token-length', '§3: token lengths 9-15 are reserved', true],
    ['4f011234', 'token-length', '§3: token lengths 9-15 are reserved', true],
    ['4401123400', 'token-length', '§3: the token is cut off', true],
    ['40011234ff', 'empty-payload', '§3: marker without payload', true],
    ['40011234b161ff', 'empty-payload', '§3: marker without payload', true],
    ['40001234aa', 'not-empty', '§4.1: nothing follows the message id of an Empty message', true],
    ['4100123401', 'not-empty', '§4.1: the token length of an Empty message is 0', true],
    ['40011234f1', 'option-delta', '§3.1: delta 15 is reserved', true],
    ['400112341f', 'option-length', '§3.1: length 15 is reserved', true],
    ['40011234bd', 'option-truncated', '§3.1: the extended length is cut off', true],
    ['40011234be01', 'option-truncated', '§3.1: the extended length is cut off', true],
    ['40011234d0', 'option-truncated', '§3.1: the extended delta is cut off', true],
    ['40011234e000', 'option-truncated', '§3.1: the extended delta is cut off', true],
    ['40011234b574656d', 'option-truncated', '§3.1: the value is cut off', true],
    ['40011234e0ffff', 'option-number', '§5.4: option numbers have 16 bits', true],
    ['40e11234', 'code-class', '§5.2: class 7 is reserved', true],
    ['40211234', 'code-class', '§5.2: class 1 is reserved', true],
    ['40611234', 'code-class', '§5.2: class 3 is reserved', true],
    ['40c11234', 'code-class', '§5.2: class 6 is reserved', true],
    ['50001234', 'type-code', '§4.3: a NON must not be Empty', true],
    ['60011234', 'type-code', '§4.2: an ACK carries no request', true],
    ['70451234', 'type-code', '§4.2: a RST is Empty', true],
  ])('%s: %s (%s)', (wire, fault, _source, told) => {
    const result = decodeMessage(hex(wire));
    expect(result).toMatchObject({ ok: false, fault });
    expect('header' in result).toBe(told);
  });

  it('refuses more options than any use asks for', () => {
    const many = (count: number): Uint8Array => hex('40011234' + '10'.repeat(count));
    expect(decodeMessage(many(MAX_OPTIONS)).ok).toBe(true);
    expect(decodeMessage(many(MAX_OPTIONS + 1))).toMatchObject({ ok: false, fault: 'too-many-options' });
  });
});

describe('any message', () => {
  const value = fc.uint8Array({ maxLength: 300 });
  const options = fc.array(fc.record({ number: fc.integer({ min: 0, max: 0xffff }), value }), { maxLength: 12 });
  const arbitrary: fc.Arbitrary<CoapMessage> = fc.record({
    type: fc.constantFrom(0, 1),
    code: fc.constantFrom(Code.GET, Code.IPATCH, Code.CONTENT, Code.NOT_FOUND, Code.SERVICE_UNAVAILABLE),
    messageId: fc.integer({ min: 0, max: 0xffff }),
    token: fc.uint8Array({ maxLength: 8 }),
    options,
    payload: fc.uint8Array({ maxLength: 1_200 }),
  });
  const plain = ({ number, value: bytes }: CoapOption): [number, string] => [number, toHex(bytes)];

  it('comes back as it went, options in order of their numbers', () => {
    fc.assert(
      fc.property(arbitrary, (original) => {
        const back = decoded(encodeMessage(original));
        expect(back).toMatchObject({ type: original.type, code: original.code, messageId: original.messageId });
        expect(toHex(back.token)).toBe(toHex(original.token));
        expect(toHex(back.payload)).toBe(toHex(original.payload));
        expect(back.options.map(plain)).toEqual(original.options.toSorted((a, b) => a.number - b.number).map(plain));
      }),
    );
  });

  it('never makes the decoder throw, and what it accepts it can write again', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        const result = decodeMessage(bytes);
        if (result.ok) expect(decoded(encodeMessage(result.message))).toEqual(result.message);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('encoding', () => {
  it.each([
    [{ token: new Uint8Array(9) }, 'token'],
    [{ options: [{ number: 0x1_0000, value: new Uint8Array(0) }] }, 'option 65536'],
    [{ options: [{ number: 1, value: new Uint8Array(65_805) }] }, 'option 1 of 65805'],
  ])('refuses what the format cannot hold: %#', (fields, fault) => {
    expect(() => encodeMessage(message({ code: Code.GET, ...fields }))).toThrow(CoapEncodeError);
    expect(() => encodeMessage(message({ code: Code.GET, ...fields }))).toThrow(fault);
  });
});

describe('option values', () => {
  it.each([
    [0, ''],
    [1, '01'],
    [255, 'ff'],
    [256, '0100'],
    [65_536, '010000'],
    [16_777_216, '01000000'],
    [4_294_967_295, 'ffffffff'],
  ])('%i is written in the fewest bytes: %s (RFC 7252 §3.2)', (value, wire) => {
    expect(toHex(uintValue(value))).toBe(wire);
    expect(uintOption({ options: [option(60, hex(wire))] }, 60)).toBe(value);
  });

  it('accepts leading zeros (RFC 7252 §3.2)', () => {
    expect(uintOption({ options: [option(12, hex('0070'))] }, 12)).toBe(112);
  });

  it('reads repeated texts in order', () => {
    const options = [option(15, 'lt=60'), option(11, 'rd'), option(15, 'Q')];
    expect(uriQuery({ options })).toEqual(['lt=60', 'Q']);
    expect(withoutOptions(options, 15)).toEqual([options[1]]);
    expect(withoutOptions(options, 60)).toBe(options);
  });
});

describe('codes', () => {
  it('have a text each, both ways', () => {
    for (let code = 0; code < 256; code++) expect(parseCode(formatCode(code))).toBe(code);
    expect(formatCode(Code.CONTENT)).toBe('2.05');
    expect(formatCode(Code.CONTINUE)).toBe('2.31');
    expect(formatCode(Code.PROXYING_NOT_SUPPORTED)).toBe('5.05');
  });

  it.each(['2.5', '2.32', '8.00', '2.055', 'x.05', ''])('%j is none', (text) => {
    expect(parseCode(text)).toBeUndefined();
  });
});
