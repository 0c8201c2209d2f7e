/** Reads the fields of a hash reply, which the client gives as an object. */
import type { Reply } from './command.ts';

/** The fields in order of their names' bytes. */
export function fields(reply: Reply): [name: string, value: Buffer][] {
  return Object.entries(reply as { readonly [field: string]: Buffer }).sort(([a], [b]) => compareBytes(a, b));
}

/** Orders text by its UTF-8 bytes, as Redis does. */
export function compareBytes(a: string, b: string): number {
  const end = Math.min(a.length, b.length);
  let at = 0;
  while (at < end && a.charCodeAt(at) === b.charCodeAt(at)) at++;
  if (at === end) return a.length - b.length;
  const [one, other] = [a.charCodeAt(at), b.charCodeAt(at)];
  // UTF-16 has another order than UTF-8 only where it takes two units.
  return one < SURROGATES && other < SURROGATES ? one - other : Buffer.compare(Buffer.from(a), Buffer.from(b));
}

const SURROGATES = 0xd800;
