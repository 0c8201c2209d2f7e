/** Writes docs/rows.md: each row of the checklist with the tests that show it, or the part that it belongs to. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { REPOSITORY, shownRows } from './named-rows.ts';

const HEAD = `# Rows of the conformance checklist

Requirements (Q: OMA-RD 1.0), the transport binding (B: OMA Transport 1.1.1), features and use cases (F), contradictions
between the documents (X); the test cases of OMA are in [conformance.md](conformance.md). A test carries the rows that it
shows in its name where it can. Made by \`npm run docs\`; a test of \`conformance/rows\` holds each line against the sources.

| row | what | shown by |
|---|---|---|
`;

const lines = shownRows().map(({ id, what, part, tests }) => {
  const shown = tests.map(([file, title]) => `\`${file}\`: ${title.replaceAll('|', '\\|')}`);
  if (part !== undefined) shown.push(`part: ${part}`);
  return `| ${id} | ${what} | ${shown.join('<br>')} |`;
});
writeFileSync(join(REPOSITORY, 'docs', 'rows.md'), `${HEAD}${lines.join('\n')}\n`);
