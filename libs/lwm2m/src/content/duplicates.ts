/** Finds a path that comes twice, or one with both a value and something below it, at no cost where paths ascend, as they mostly do. */
import { type Path, formatPath } from '../path.ts';

export function hasDuplicate(values: readonly { readonly path: Path }[]): boolean {
  for (let index = 1; index < values.length; index++) {
    if (!isAfter(values[index]!.path, values[index - 1]!.path)) return clashes(values);
  }
  return false;
}

/** Whether `path` comes after `other` in the order of ids, and not below it. */
function isAfter(path: Path, other: Path): boolean {
  for (let level = 0; level < other.length; level++) {
    const id = path[level];
    if (id === undefined || id < other[level]!) return false;
    if (id > other[level]!) return true;
  }
  return false;
}

function clashes(values: readonly { readonly path: Path }[]): boolean {
  const all = new Set(values.map(({ path }) => formatPath(path)));
  return all.size < values.length || values.some(({ path }) => path.some((_, level) => level > 0 && level < path.length && all.has(formatPath(path.slice(0, level)))));
}
