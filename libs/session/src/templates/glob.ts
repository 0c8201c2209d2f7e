/** Patterns of endpoint names: `*` stands for any characters, `?` for one, everything else for itself. */

/** Whether `text` as a whole fits `pattern`. At most length × length steps, whatever the pattern. */
export function globMatches(pattern: string, text: string): boolean {
  let [p, t] = [0, 0];
  /** Where to go on if what follows the last `*` does not fit: that star takes one character more. */
  let star = -1;
  let taken = 0;
  while (t < text.length) {
    if (pattern[p] === '*') {
      star = p++;
      taken = t;
    } else if (p < pattern.length && (pattern[p] === '?' || pattern[p] === text[t])) {
      p++;
      t++;
    } else if (star >= 0) {
      p = star + 1;
      t = ++taken;
    } else return false;
  }
  while (pattern[p] === '*') p++;
  return p === pattern.length;
}
