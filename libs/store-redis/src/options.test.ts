import { expect, test } from 'vitest';
import { resolveOptions } from './options.ts';
import { parseUrls } from './urls.ts';

const parse = (...urls: string[]) => parseUrls(resolveOptions({ urls }));

test('addresses, credentials, database and TLS are read from the URL', () => {
  expect(parse('redis://localhost')).toEqual({ seeds: [{ host: 'localhost', port: 6379 }], connection: { commandTimeoutMs: 1_000, db: 0 } });
  const full = parse('rediss://us%40er:p%3Aw@[2001:db8::1]:7000/3', 'rediss://other:7001');
  expect(full.seeds).toEqual([{ host: '2001:db8::1', port: 7000 }, { host: 'other', port: 7001 }]);
  expect(full.connection).toEqual({ commandTimeoutMs: 1_000, username: 'us@er', password: 'p:w', db: 3, tls: {} });
});

test.each(['localhost:6379', 'http://localhost', 'redis://', '', 'redis:///3'])('%j is refused', (url) => {
  expect(() => parse('redis://fine', url)).toThrow('Redis address 2 is not a redis:// or rediss:// URL');
});

test('a wrong address is refused without telling its password', () => {
  expect(() => parse('http://user:secret@host')).toThrow(expect.not.stringMatching('secret'));
});

test.each([{ urls: [] }, { shards: 0 }, { shards: 1.5 }, { commandTimeoutMs: 0 }, { waitReplicas: -1 }, { waitReplicas: NaN }])('%j is refused', (wrong) => {
  expect(() => resolveOptions({ urls: ['redis://localhost'], ...wrong })).toThrow(RangeError);
});
