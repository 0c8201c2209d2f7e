/** The results as a Markdown page: what third-party clients showed, apart from what only the simulated device did. */
import { inOrder, verdicts, type CaseResult, type NotApplicable } from './results.ts';

const INTRODUCTION = `# Conformance

Test cases of OMA's enabler test specification for LwM2M (ETS INT 1.1 and 1.2), each played by a client against a server
process of its own through the public REST API: registration, device management, information reporting, the objects,
security by DTLS, and bootstrap. The assertions are about what the server shows: values, codes, states and events.
\`npm run conformance\` plays them, writes this page, and JUnit XML to
\`.cache/reports/conformance.xml\`.

**Pass**: the server shows what it must; **Fail**: it does not; **Inconclusive**: the client or the server did not start;
**Not Applicable**: no client can play it, or the server lacks what it is about; **Out of Time**: it did not end in its
time.
`;

/** The page. */
export function markdownReport(results: readonly CaseResult[], notApplicable: readonly NotApplicable[]): string {
  const thirdParty = results.filter((result) => result.simulatedBecause === undefined);
  const simulated = results.filter((result) => result.simulatedBecause !== undefined);
  const sections = [
    INTRODUCTION,
    `## Results by client\n\n${totals(results, notApplicable)}`,
    `## Played by a third-party client\n\n${byClient(thirdParty)}`,
    `## Played by the simulated device alone\n\n${onlySimulated(simulated)}`,
    `## Not applicable\n\n${table(['case', 'title', 'reason'], inOrder(notApplicable).map((c) => [c.id, c.title, c.reason]))}`,
    ...failures(results),
  ];
  return sections.join('\n');
}

function totals(results: readonly CaseResult[], notApplicable: readonly NotApplicable[]): string {
  const clients = [...new Set(results.map(({ client }) => client))].sort();
  const rows = clients.map((client) => [client, ...counts(results.filter((result) => result.client === client))]);
  const nobody = ['none', ...verdicts.map((verdict) => String(verdict === 'Not Applicable' ? notApplicable.length : 0))];
  return table(['client', ...verdicts], [...rows, nobody]);
}

function counts(results: readonly CaseResult[]): string[] {
  return verdicts.map((verdict) => String(results.filter((result) => result.verdict === verdict).length));
}

function byClient(results: readonly CaseResult[]): string {
  const clients = [...new Set(results.map(({ client }) => client))].sort();
  const cases = new Map(inOrder(results).map(({ id, title }) => [id, title]));
  const verdictOf = (id: string, client: string): string =>
    results.find((result) => result.id === id && result.client === client)?.verdict ?? '';
  return table(['case', 'title', ...clients], [...cases].map(([id, title]) => [id, title, ...clients.map((c) => verdictOf(id, c))]));
}

function onlySimulated(results: readonly CaseResult[]): string {
  const rows = inOrder(results).map(({ id, title, verdict, simulatedBecause = '' }) => [id, title, verdict, simulatedBecause]);
  return table(['case', 'title', 'result', 'why no third-party client plays it'], rows);
}

function failures(results: readonly CaseResult[]): string[] {
  const others = inOrder(results.filter(({ verdict }) => verdict !== 'Pass'));
  if (others.length === 0) return [];
  const lines = others.map(({ id, client, verdict, reason = '' }) => `- ${id}, ${client}: ${verdict}: ${firstLine(reason)}`);
  return [`## Not passed\n\n${lines.join('\n')}\n`];
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? '';
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(3, ...all.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]): string => `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |`;
  return `${[line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n')}\n`;
}
