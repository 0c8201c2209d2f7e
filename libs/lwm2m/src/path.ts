/** Paths of the LwM2M data model: /object/instance/resource/resource instance (OMA LwM2M Core 1.1 §7.3). */

/** A path of zero to four ids; each level needs the one before it. `[]` is the root. */
export type Path = readonly number[];

/** Highest id that may be used; 65535 is reserved (OMA LwM2M Core 1.1 §7.3, MAX_ID). */
export const MAX_ID = 65_534;

const LEVELS = 4;
const [SLASH, ZERO] = [0x2f, 0x30];

/** Parses "/3/0/1"; "/" is the root. Returns undefined for anything else: no leading slash, empty, signed or too large ids. */
export function parsePath(text: string): Path | undefined {
  if (text === '/') return [];
  const ids: number[] = [];
  for (let at = 0; at < text.length; ) {
    if (text.charCodeAt(at++) !== SLASH || ids.length === LEVELS) return undefined;
    const start = at;
    let id = 0;
    for (; at < text.length && text.charCodeAt(at) !== SLASH; at++) {
      const digit = text.charCodeAt(at) - ZERO;
      if (digit < 0 || digit > 9 || (id === 0 && at > start)) return undefined;
      id = id * 10 + digit;
      if (id > MAX_ID) return undefined;
    }
    if (at === start) return undefined;
    ids.push(id);
  }
  return ids.length === 0 ? undefined : ids;
}

/** "/3/0/1"; the root is "/". */
export function formatPath(path: Path): string {
  return path.length === 0 ? '/' : `/${path.join('/')}`;
}

/** Whether `path` is `prefix` or lies under it. */
export function isUnder(path: Path, prefix: Path): boolean {
  return prefix.length <= path.length && prefix.every((id, i) => path[i] === id);
}
