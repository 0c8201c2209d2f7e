/** One range of bytes, RFC 9110 §14.1.2. Several ranges, and other units, are served as none: the whole. */

/** First and last byte; 'unsatisfiable': the range begins behind the end; undefined: the whole. */
export function rangeOf(header: string | undefined, size: number): readonly [first: number, last: number] | 'unsatisfiable' | undefined {
  const [, first = '', last = ''] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header?.trim() ?? '') ?? [];
  if (first === '' && last === '') return undefined;
  if (first === '') return Number(last) === 0 ? 'unsatisfiable' : [Math.max(0, size - Number(last)), size - 1];
  if (last !== '' && Number(last) < Number(first)) return undefined;
  if (Number(first) >= size) return 'unsatisfiable';
  return [Number(first), Math.min(last === '' ? Infinity : Number(last), size - 1)];
}
