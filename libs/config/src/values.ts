/** Parsers of single environment values: text in, a precise value or a message out. No message repeats the text. */
import { isIP } from 'node:net';
import { z } from 'zod';

/** A decimal whole number from `min` to `max`. */
export function wholeNumber(min: number, max: number) {
  const message = `expected a whole number from ${min} to ${max}`;
  return z
    .string()
    .regex(/^\d{1,15}$/, message)
    .transform(Number)
    .refine((value) => value >= min && value <= max, message);
}

/** A port of this host; 0 takes any free one. */
export const port = wholeNumber(0, 65_535);

export function oneOf<const T extends readonly [string, ...string[]]>(values: T) {
  return z.enum(values, `expected one of ${values.join(', ')}`);
}

/** `on` or `off`, as a boolean. */
export const onOff = oneOf(['on', 'off']).transform((value) => value === 'on');

export const text = z.string();

export const address = z.string().refine((value) => isIP(value) !== 0, 'expected an IPv4 or IPv6 address');

/** Addresses to listen on: at most one of each family, so that each peer is answered from one socket. */
export const bindAddresses = list('an IPv4 address, an IPv6 address or both', (item) => isIP(item) !== 0).refine(
  (items) => new Set(items.map(isIP)).size === items.length,
  'expected at most one address of each family',
);

/** `host:port` pairs. An IPv6 host stands in brackets. */
export const hostPorts = list('host:port pairs', isHostPort);

/** `redis://` or `rediss://` addresses. */
export const redisUrls = list('redis:// or rediss:// addresses', (item) => isUrl(item, ['redis:', 'rediss:']));

/** An `https:` address, or an `http:` one for a provider beside the server. */
export const httpUrl = z.string().refine((value) => isUrl(value, ['https:', 'http:']), 'expected an https:// address');

/** URIs of coap, coaps, http or https, one of each scheme at most, without a query. */
export const firmwareUris = list('coap, coaps, http or https URIs', (item) => isUrl(item, ['coap:', 'coaps:', 'http:', 'https:']) && !/[?#]/.test(item)).refine(
  (items) => new Set(items.map((item) => item.split(':', 1)[0])).size === items.length,
  'expected at most one URI of each scheme',
);

/** Paths of files, separated by commas. */
export const files = z
  .string()
  .transform((value) => value.split(',').map((item) => item.trim()).filter((item) => item !== ''))
  .refine((items) => items.length > 0, 'expected paths of files, separated by commas')
  .transform((items): readonly string[] => Object.freeze(items));

/** Some of `values`, each once. */
export function someOf<const T extends string>(all: readonly T[]) {
  return list(`some of ${all.join(', ')}`, (item) => (all as readonly string[]).includes(item)).transform(
    (items) => Object.freeze([...new Set(items)]) as readonly T[],
  );
}

/** Items separated by commas or white space, one at least. */
function list(what: string, accepts: (item: string) => boolean) {
  return z
    .string()
    .transform((value) => value.split(/[\s,]+/).filter((item) => item !== ''))
    .refine((items) => items.length > 0 && items.every(accepts), `expected ${what}, separated by commas or spaces`)
    .transform((items): readonly string[] => Object.freeze(items));
}

function isUrl(value: string, protocols: readonly string[]): boolean {
  const url = URL.parse(value);
  return url !== null && protocols.includes(url.protocol) && url.hostname !== '';
}

function isHostPort(value: string): boolean {
  const match = /^(?:\[([^\]]+)\]|[^\s:[\]/@]+):(\d{1,5})$/.exec(value);
  if (match === null) return false;
  const portNumber = Number(match[2]);
  return portNumber > 0 && portNumber <= 65_535 && (match[1] === undefined || isIP(match[1]) === 6);
}
