/** Finds the rows of the checklist in the names of tests. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { rows, type NamedTest, type Row } from './rows.ts';

export const REPOSITORY = join(import.meta.dirname, '..', '..');

/** A test or a group of tests, up to the end of its title. */
const TITLE = /\b(?:it|test|describe|describeServer)(?:\.each[^'`]*|\()\s*(?:\([^)]*\)\s*\()?\s*(['`])((?:\\.|(?!\1)[^\\\n])*[BQFX]\d(?:\\.|(?!\1)[^\\\n])*)\1/g;
/** A row of a table of cases, and the second line of one that is made of a table: its title begins with rows, or ends with them in brackets. */
const TABLE = /^\s*(?:\[|\]\)?\()\s*(['`])((?:[BQFX]\d{1,3}\b)(?:\\.|(?!\1)[^\\\n])*|(?:\\.|(?!\1)[^\\\n])*\((?:[^()]*; )?rows? [BQFX]\d[^)]*\))\1/gm;
const ROW = /\b[BQFX]\d{1,3}\b/g;

/** Tests by the rows in their names. */
export function testsByRow(): Map<string, NamedTest[]> {
  const found = new Map<string, NamedTest[]>();
  for (const file of globSync('{libs,services,conformance}/**/*.test.ts', { cwd: REPOSITORY, exclude: (name) => name === 'node_modules' || name === 'dist' })) {
    const source = readFileSync(join(REPOSITORY, file), 'utf8');
    const titles = [...source.matchAll(TITLE), ...source.matchAll(TABLE)].map(([, , title = '']) => title);
    for (const title of titles) {
      for (const [id] of title.matchAll(ROW)) {
        const tests = found.get(id) ?? [];
        if (!tests.some(([of, known]) => of === file && known === title)) found.set(id, [...tests, [file, title]]);
      }
    }
  }
  return found;
}

/** A row with every test that shows it. */
export function shownRows(): (Row & { readonly tests: readonly NamedTest[] })[] {
  const named = testsByRow();
  return rows.map((row) => ({ ...row, tests: [...(named.get(row.id) ?? []), ...(row.tests ?? [])] }));
}
