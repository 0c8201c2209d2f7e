/** Reads the addresses of Redis servers. */
import type { ConnectionOptions } from 'node:tls';
import type { Address, ConnectionSettings } from './link.ts';
import type { ResolvedOptions } from './options.ts';

const DEFAULT_PORT = 6379;

/** @throws {TypeError} when an address is no `redis://` or `rediss://` URL. The message holds no password. */
export function parseUrls({ urls, commandTimeoutMs, tls, ...given }: ResolvedOptions): { seeds: Address[]; connection: ConnectionSettings } {
  const parsed = urls.map(parseUrl);
  const { pathname, protocol } = parsed[0]!;
  const username = given.username ?? decodeURIComponent(parsed[0]!.username);
  const password = given.password ?? decodeURIComponent(parsed[0]!.password);
  const db = Number(pathname.slice(1));
  return {
    seeds: parsed.map(({ hostname, port }) => ({ host: hostname.replace(/^\[(.*)\]$/, '$1'), port: Number(port || DEFAULT_PORT) })),
    connection: {
      commandTimeoutMs,
      ...(username !== '' && { username }),
      ...(password !== '' && { password }),
      ...(Number.isInteger(db) && { db }),
      ...(protocol === 'rediss:' && { tls: tls === undefined ? {} : askedEachTime(tls) }),
    },
  };
}

function parseUrl(text: string, index: number): URL {
  const url = URL.parse(text);
  if (url === null || !/^rediss?:$/.test(url.protocol) || url.hostname === '') {
    throw new TypeError(`Redis address ${index + 1} is not a redis:// or rediss:// URL`);
  }
  return url;
}

/** The client library copies these fields into the options of each connection that it makes. */
function askedEachTime(tls: () => ConnectionOptions): ConnectionOptions {
  const names = Object.keys(tls()) as (keyof ConnectionOptions)[];
  return Object.defineProperties({}, Object.fromEntries(names.map((name) => [name, { enumerable: true, get: () => tls()[name] }])));
}
