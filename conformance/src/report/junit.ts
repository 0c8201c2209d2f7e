/** The results as JUnit XML, as continuous integration reads it. What is not applicable counts as skipped. */
import { inOrder, type CaseResult, type NotApplicable } from './results.ts';

const ELEMENTS = { Fail: 'failure', Inconclusive: 'error', 'Out of Time': 'error' } as const;

/** The document. */
export function junitReport(results: readonly CaseResult[], notApplicable: readonly NotApplicable[]): string {
  const groups = [...new Set(results.map(({ group }) => group))];
  const suites = groups.map((group) => suite(group, inOrder(results.filter((result) => result.group === group)).map(testcase)));
  const skipped = suite('Not Applicable', inOrder(notApplicable).map(notPlayed));
  return ['<?xml version="1.0" encoding="UTF-8"?>', '<testsuites>', ...suites, skipped, '</testsuites>', ''].join('\n');
}

function suite(name: string, cases: readonly string[]): string {
  return [`  <testsuite name="${escape(name)}" tests="${cases.length}">`, ...cases, '  </testsuite>'].join('\n');
}

function testcase({ id, title, client, verdict, reason = '', durationMs }: CaseResult): string {
  const start = `    <testcase classname="${escape(client)}" name="${escape(`${id} ${title}`)}" time="${durationMs / 1_000}"`;
  if (verdict === 'Pass' || verdict === 'Not Applicable') return `${start}/>`;
  const element = ELEMENTS[verdict];
  return `${start}><${element} type="${verdict}" message="${escape(reason)}"/></testcase>`;
}

function notPlayed({ id, title, reason }: NotApplicable): string {
  return `    <testcase classname="none" name="${escape(`${id} ${title}`)}"><skipped message="${escape(reason)}"/></testcase>`;
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', '\n': '&#10;' };

/** XML 1.0 §2.4, and §2.2: most control characters can't be in it at all. */
function escape(text: string): string {
  return text.replace(/[&<>"\p{Cc}]/gu, (character) => ENTITIES[character] ?? '');
}
