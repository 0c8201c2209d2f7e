/** Cursors of pages: a name that callers need not be able to read. */

export function toCursor(name: string): string {
  return Buffer.from(name, 'utf8').toString('base64url');
}

export function fromCursor(cursor: string | undefined): string | undefined {
  return cursor === undefined ? undefined : Buffer.from(cursor, 'base64url').toString('utf8');
}
