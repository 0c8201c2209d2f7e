import { expect, it } from 'vitest';
import { ContentFormat, contentFormatName, registeredFormat } from './format.ts';

it.each([
  [ContentFormat.TEXT, 'text/plain'], [1541, 'text/plain'], [ContentFormat.TLV, 'application/vnd.oma.lwm2m+tlv'], [1542, 'application/vnd.oma.lwm2m+tlv'],
  [ContentFormat.SENML_ETCH_CBOR, 'application/senml-etch+cbor'], [50, 'content-format 50'],
])('names %i', (cf, name) => {
  expect(contentFormatName(cf)).toBe(name);
});

it.each([[1541, 0], [1542, 11542], [1543, 11543], [1544, 1544], [112, 112]])('takes %i for %i', (cf, registered) => {
  expect(registeredFormat(cf)).toBe(registered);
});
