/** The argument list of Execute: `0`, `2='10.3'`, `7,0='https://example.com'` (OMA LwM2M Core 1.1 §6.3.5). */

/** ABNF of an argument; no quote, blank or backslash stands in a value. */
const ARGUMENT = /(\d)(?:='([!\x23-\x26\x28-\x5B\x5D-\x7E]*)')?/y;

/** Why a text is no argument list; undefined if it is one. */
export function executeArgumentsFault(text: string): string | undefined {
  const seen = new Set<string>();
  for (let at = 0; ; at += 1) {
    ARGUMENT.lastIndex = at;
    const match = ARGUMENT.exec(text);
    if (!match?.[1]) return `not an argument at character ${at}: a digit, or a digit with ='…'`;
    // Core 1.2.1 §6.3.5: an argument occurs once.
    if (seen.has(match[1])) return `argument ${match[1]} occurs twice`;
    seen.add(match[1]);
    at = ARGUMENT.lastIndex;
    if (at === text.length) return undefined;
    if (text[at] !== ',') return `a comma is missing at character ${at}`;
  }
}
