/** Paths of the LwM2M data model: /object/instance/resource/resource instance (OMA LwM2M Core 1.1 §7.3). */

/** A path of zero to four ids; each level needs the one before it. `[]` is the root. */
export type Path = readonly number[];

/** Highest id that may be used; 65535 is reserved (OMA LwM2M Core 1.1 §7.3, MAX_ID). */
export const MAX_ID = 65_534;

/** Parses "/3/0/1"; "/" is the root. Returns undefined for anything else: no leading slash, empty, signed or too large ids. */
export function parsePath(text: string): Path | undefined {
  if (text === '/') return [];
  if (!/^(\/(0|[1-9]\d{0,4})){1,4}$/.test(text)) return undefined;
  const ids = text.slice(1).split('/').map(Number);
  return ids.every((id) => id <= MAX_ID) ? ids : undefined;
}

/** "/3/0/1"; the root is "/". */
export function formatPath(path: Path): string {
  return path.length === 0 ? '/' : `/${path.join('/')}`;
}

/** Whether `path` is `prefix` or lies under it. */
export function isUnder(path: Path, prefix: Path): boolean {
  return prefix.length <= path.length && prefix.every((id, i) => path[i] === id);
}
