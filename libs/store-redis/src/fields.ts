/** Reads the fields of a hash reply, which the client gives as an object. */
import type { Reply } from './command.ts';

/** The fields in order of their names' bytes. */
export function fields(reply: Reply): [name: string, value: Buffer][] {
  return Object.entries(reply as { readonly [field: string]: Buffer }).sort(([a], [b]) => compareBytes(a, b));
}

/** Orders text by its UTF-8 bytes, as Redis does. */
export function compareBytes(a: string, b: string): number {
  return a === b ? 0 : Buffer.compare(Buffer.from(a), Buffer.from(b));
}
