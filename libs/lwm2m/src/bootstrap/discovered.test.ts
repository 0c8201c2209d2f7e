import { encodeUtf8 } from '@cluster/bytes';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bootstrapAccount, describeInstances, parseDiscovered } from './discovered.ts';

const parse = (text: string) => {
  const result = parseDiscovered(encodeUtf8(text));
  if (!result.ok) return result.detail;
  const { version, objectVersions } = result.discovered;
  return { version, versions: Object.fromEntries(objectVersions), instances: describeInstances(result.discovered), account: bootstrapAccount(result.discovered)?.join('/') };
};

describe('what Bootstrap-Discover shows', () => {
  it.each([
    // OMA LwM2M Core 1.1 §6.1.7.3
    ['1.1', '</>;lwm2m=1.1,</0/0>,</0/1>;ssid=101;uri="coaps://s1",</1/0>;ssid=101,</3/0>,</5>,</4>', {
      version: '1.1', versions: {}, instances: ['/0/0', '/0/1 ssid=101 uri=coaps://s1', '/1/0 ssid=101', '/3/0'], account: '0/0',
    }],
    // OMA LwM2M Core 1.0 §5.2.7.3
    ['1.0', 'lwm2m="1.0",</0/0>,</0/1>;ssid=101,</1/0>;ssid=101,</2/0>', {
      version: '1.0', versions: {}, instances: ['/0/0', '/0/1 ssid=101', '/1/0 ssid=101', '/2/0'], account: '0/0',
    }],
    ['the account elsewhere, versions of objects', '</>;lwm2m=1.2,</0/3>,</0/0>;ssid=1,</1>;ver=1.1,</1/0>;ssid=1,</21>;ver="2.0",</21/0>', {
      version: '1.2', versions: { 1: '1.1', 21: '2.0' }, instances: ['/0/3', '/0/0 ssid=1', '/1/0 ssid=1', '/21/0'], account: '0/3',
    }],
    ['an enabler that is unknown', '</>;lwm2m=2.0,</0/0>', { version: undefined, versions: {}, instances: ['/0/0'], account: '0/0' }],
    ['a client without an account to spare', '</>;lwm2m=1.1,</1/0>;ssid=x', { version: '1.1', versions: {}, instances: ['/1/0'], account: undefined }],
    ['nothing', '', { version: undefined, versions: {}, instances: [], account: undefined }],
  ])('%s', (_, text, expected) => expect(parse(text)).toEqual(expected));

  it('is refused where it is no link-format', () => {
    expect(parse('</0/0')).toContain('not link-format');
    expect(parseDiscovered(Uint8Array.of(0xff))).toEqual({ ok: false, detail: 'not UTF-8' });
  });

  it('makes nothing of any bytes but a result', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => typeof parseDiscovered(bytes).ok === 'boolean'));
  });
});
