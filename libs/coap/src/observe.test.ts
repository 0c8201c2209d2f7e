import { describe, expect, it } from 'vitest';
import { vectors } from '../test/fixtures.ts';
import { isFresher } from './observe.ts';

interface Rfc7641 {
  cases: { last: number; lastAt: number; new: number; newAt: number; fresh: boolean }[];
}

describe('order of notifications (RFC 7641 §3.4)', () => {
  it.each(vectors<Rfc7641>('rfc7641-observe-order').cases)('$last at $lastAt s, then $new at $newAt s', (row) => {
    const last = { value: row.last, atMs: row.lastAt * 1_000 };
    expect(isFresher(last, { value: row.new, atMs: row.newAt * 1_000 })).toBe(row.fresh);
  });
});
