/** Reads the addresses of Redis servers. */
import type { Address, ConnectionSettings } from './link.ts';
import type { ResolvedOptions } from './options.ts';

const DEFAULT_PORT = 6379;

/** @throws {TypeError} when an address is no `redis://` or `rediss://` URL. The message holds no password. */
export function parseUrls({ urls, commandTimeoutMs }: ResolvedOptions): { seeds: Address[]; connection: ConnectionSettings } {
  const parsed = urls.map(parseUrl);
  const { username, password, pathname, protocol } = parsed[0]!;
  const db = Number(pathname.slice(1));
  return {
    seeds: parsed.map(({ hostname, port }) => ({ host: hostname.replace(/^\[(.*)\]$/, '$1'), port: Number(port || DEFAULT_PORT) })),
    connection: {
      commandTimeoutMs,
      ...(username !== '' && { username: decodeURIComponent(username) }),
      ...(password !== '' && { password: decodeURIComponent(password) }),
      ...(Number.isInteger(db) && { db }),
      ...(protocol === 'rediss:' && { tls: {} }),
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
