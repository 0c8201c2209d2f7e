/**
 * `npm test`: lint, types, build, then every test, all of them whatever fails before. Ends with "N passed, N failed";
 * the exit code tells the same.
 */
import { spawn } from 'node:child_process';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { resolve as absolute } from 'node:path';

interface Outcome {
  readonly passed: number;
  readonly failed: number;
}

interface Step {
  readonly name: string;
  readonly command: readonly string[];
  /** vitest's JSON report; without one the step counts as one test. */
  readonly report?: string;
}

/** Absolute: each test configuration has a root of its own. */
const REPORTS = absolute('.cache/reports');

function vitest(name: string, ...args: string[]): Step {
  const report = `${REPORTS}/${name}.json`;
  return { name, command: ['vitest', 'run', ...args, '--reporter=default', '--reporter=json', `--outputFile.json=${report}`], report };
}

const CONFORMANCE = ['--config', 'conformance/vitest.config.ts'];

/** Those of a line run side by side: faults wait more than they work, and have brokers of their own. */
const steps: readonly (readonly Step[])[] = [
  [{ name: 'build', command: ['npm', 'run', '--silent', 'build'] }],
  [{ name: 'lint', command: ['npm', 'run', '--silent', 'lint'] }],
  [{ name: 'types', command: ['npm', 'run', '--silent', 'check'] }],
  [vitest('units')],
  [vitest('conformance', ...CONFORMANCE, '--exclude', 'faults/**'), vitest('faults', ...CONFORMANCE, 'faults/')],
];

/** Runs a step and shows what it prints: at once, or when it ends. */
function run({ name, command: [program = '', ...args] }: Step, showAtOnce: boolean): Promise<boolean> {
  const show = (command: string): void => console.log(`\n=== ${name}: ${command}`);
  const shown = [program, ...args].join(' ');
  if (showAtOnce) show(shown);
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: ['ignore', showAtOnce ? 'inherit' : 'pipe', showAtOnce ? 'inherit' : 'pipe'] });
    const printed: Buffer[] = [];
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => printed.push(chunk));
    child.once('error', () => resolve(false));
    child.once('close', (code) => {
      if (!showAtOnce) {
        show(shown);
        process.stdout.write(Buffer.concat(printed));
      }
      resolve(code === 0);
    });
  });
}

/** A report that is missing, or tells of no test, is a failure: the run died before it could say. */
async function outcome(step: Step, succeeded: boolean): Promise<Outcome> {
  if (step.report === undefined) return succeeded ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
  const text = await readFile(step.report, 'utf8').catch(() => '{}');
  const { numPassedTests = 0, numFailedTests = 0 } = JSON.parse(text) as { numPassedTests?: number; numFailedTests?: number };
  const silent = !succeeded && numFailedTests === 0;
  return { passed: numPassedTests, failed: numFailedTests + (silent || numPassedTests === 0 ? 1 : 0) };
}

await rm(REPORTS, { recursive: true, force: true });
await mkdir(REPORTS, { recursive: true });
const outcomes: (Outcome & { name: string; seconds: number })[] = [];
for (const sideBySide of steps) {
  const startedMs = performance.now();
  outcomes.push(...(await Promise.all(sideBySide.map(async (step, place) => {
    const succeeded = await run(step, place === 0);
    return { name: step.name, ...(await outcome(step, succeeded)), seconds: Math.round((performance.now() - startedMs) / 1_000) };
  }))));
}
console.table(outcomes);
const passed = outcomes.reduce((sum, o) => sum + o.passed, 0);
const failed = outcomes.reduce((sum, o) => sum + o.failed, 0);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
