/** The table of rows tells the truth: no row is missing, each has a test or a part, and each test that it names exists. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { REPOSITORY, shownRows, testsByRow } from './named-rows.ts';

const SIZES = { Q: 46, B: 126, F: 39, X: 13 };
const shown = shownRows();

describe('rows of the conformance checklist', () => {
  it('are all there, each once', () => {
    const all = Object.entries(SIZES).flatMap(([kind, size]) => Array.from({ length: size }, (_, i) => `${kind}${i + 1}`));
    expect(shown.map(({ id }) => id)).toEqual(all);
    expect([...testsByRow().keys()].filter((id) => !all.includes(id))).toEqual([]);
  });

  it('are each shown by a test, or belong to another part', () => {
    expect(shown.filter(({ tests, part }) => tests.length === 0 && part === undefined).map(({ id }) => id)).toEqual([]);
  });

  it.each(shown.flatMap(({ id, tests }) => tests.map(([file, title]) => [id, file, title] as const)))('%s: %s: %s is in the sources', (_id, file, title) => {
    expect(existsSync(join(REPOSITORY, file))).toBe(true);
    expect(readFileSync(join(REPOSITORY, file), 'utf8')).toContain(title);
  });

  it('stand in docs/rows.md, with tests that exist', () => {
    const table = readFileSync(join(REPOSITORY, 'docs', 'rows.md'), 'utf8').split('\n').filter((line) => /^\| [QBFX]\d/.test(line));
    expect(table.map((line) => line.split(' | ')[0]?.slice(2))).toEqual(shown.map(({ id }) => id));
    const files = [...table.join('\n').matchAll(/`([\w./-]+\.test\.ts)`/g)].map(([, file = '']) => file);
    expect(files.filter((file) => !existsSync(join(REPOSITORY, file)))).toEqual([]);
  });
});
