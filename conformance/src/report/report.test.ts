/** What the report makes of the results. */
import type { TestCase } from 'vitest/node';
import { expect, it } from 'vitest';
import { junitReport } from './junit.ts';
import { markdownReport } from './markdown.ts';
import { resultOf, type CaseResult } from './results.ts';

const registration = { id: 'int-101', title: 'Initial Registration', group: 'Registration', client: 'Leshan' };

/** A test as Vitest gives it to reporters, with what the report reads of it. */
function testWith(result: { state: string; errors?: { name?: string; message: string }[] }, meta: object = { testCase: registration }): TestCase {
  return { meta: () => meta, result: () => result, diagnostic: () => ({ duration: 12.6 }) } as unknown as TestCase;
}

it.each([
  [{ state: 'passed' }, 'Pass'],
  [{ state: 'failed', errors: [{ name: 'AssertionError', message: 'expected 4.04 to be 2.05' }] }, 'Fail'],
  [{ state: 'failed', errors: [{ name: 'Inconclusive', message: 'Leshan did not start' }] }, 'Inconclusive'],
  [{ state: 'failed', errors: [{ name: 'Error', message: 'Test timed out in 60000ms.' }] }, 'Out of Time'],
  [{ state: 'skipped' }, 'Inconclusive'], // the server of its group did not start
] as const)('%j is %s', (result, verdict) => {
  expect(resultOf(testWith(result as Parameters<typeof testWith>[0]))).toMatchObject({ ...registration, verdict, durationMs: 13 });
});

it('leaves out tests that play no case', () => {
  expect(resultOf(testWith({ state: 'passed' }, {}))).toBeUndefined();
});

const results: CaseResult[] = [
  { ...registration, id: 'int-1200', title: 'Later', verdict: 'Pass', durationMs: 1 },
  { ...registration, verdict: 'Fail', reason: 'expected <2.05> & "more"\nbelow', durationMs: 1_500 },
  { ...registration, client: 'simulator', verdict: 'Pass', durationMs: 2 },
  { ...registration, id: 'int-302', title: 'Reset', client: 'simulator', verdict: 'Pass', durationMs: 2, simulatedBecause: 'only it tells' },
];
const notApplicable = [{ id: 'int-106', title: 'TCP Binding', reason: 'no TCP' }];

it('counts by client, and keeps third-party clients apart from the simulated device', () => {
  const page = markdownReport(results, notApplicable).replaceAll(/ +/g, ' ');
  expect(page).toContain('| Leshan | 1 | 1 | 0 | 0 | 0 |');
  expect(page).toContain('| simulator | 2 | 0 | 0 | 0 | 0 |');
  expect(page).toContain('| none | 0 | 0 | 0 | 1 | 0 |');
  expect(page).toContain('| int-101 | Initial Registration | Fail | Pass |\n| int-1200 | Later | Pass | |');
  expect(page).toContain('| int-302 | Reset | Pass | only it tells |');
  expect(page).toContain('| int-106 | TCP Binding | no TCP |');
  expect(page).toContain('- int-101, Leshan: Fail: expected <2.05> & "more"\n');
});

it('writes JUnit that a parser takes', () => {
  const xml = junitReport(results, notApplicable);
  expect(xml).toContain('<testcase classname="Leshan" name="int-101 Initial Registration" time="1.5">'
    + '<failure type="Fail" message="expected &lt;2.05&gt; &amp; &quot;more&quot;&#10;below"/></testcase>');
  expect(xml).toContain('name="int-106 TCP Binding"><skipped message="no TCP"/>');
});
