/** Which of several parts a name belongs to. */

/** Spreads names evenly over `count` parts: FNV-1a over UTF-16 code units, with a final mix. */
export function partOf(name: string, count: number): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  hash ^= hash >>> 15;
  return (Math.imul(hash, 0x2c1b3c6d) >>> 0) % count;
}
