/** Vitest reporter of the test cases: prints the tables, writes docs/conformance.md and a JUnit file. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Reporter, TestModule } from 'vitest/node';
import { notApplicable } from '../../cases/not-applicable.ts';
import { junitReport } from './junit.ts';
import { markdownReport } from './markdown.ts';
import { resultOf } from './results.ts';

const REPOSITORY = resolve(import.meta.dirname, '../../..');
const REPORTS = join(REPOSITORY, '.cache/reports');

export class ConformanceReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    if (modules.length === 0) return; // the run did not begin
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const results = tests.map(resultOf).filter((result) => result !== undefined);
    const page = markdownReport(results, notApplicable);
    mkdirSync(REPORTS, { recursive: true });
    writeFileSync(join(REPOSITORY, 'docs/conformance.md'), page);
    writeFileSync(join(REPORTS, 'conformance.xml'), junitReport(results, notApplicable));
    console.log(`\n${page.slice(page.indexOf('## '))}`);
  }
}
