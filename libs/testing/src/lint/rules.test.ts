import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Findings, PlantedWorkspace } from './planted-workspace.ts';

const BOUNDARIES = 'nxb(enforce-module-boundaries)';
const IMPORTS = 'eslint(no-restricted-imports)';
const GLOBALS = 'eslint(no-restricted-globals)';
const PROPERTIES = 'eslint(no-restricted-properties)';

/** Each planted file breaks one rule; `undefined`: it breaks none. */
const PLANTED: readonly (readonly [what: string, path: string, text: string, rule: string | undefined])[] = [
  ['an import from the layer above', 'libs/coap/src/planted-up.ts', "export * from '@cluster/lwm2m';", BOUNDARIES],
  ['an import from the same layer', 'libs/transport/src/planted-side.ts', "export { loadConfig } from '@cluster/config';", BOUNDARIES],
  ['a service that imports a service', 'services/registry/src/planted.ts', "export * from '@cluster/edge';", BOUNDARIES],
  ['a lib that imports a service', 'libs/nest-kit/src/planted.ts', "export * from '@cluster/edge';", BOUNDARIES],
  ['a service that imports standalone', 'services/registry/src/planted-standalone.ts', "export * from '@cluster/standalone';", BOUNDARIES],
  ['code that imports the test tools', 'libs/store-redis/src/planted.ts', "export * from '@cluster/testing';", BOUNDARIES],
  ['an import past a package’s index', 'services/edge/src/planted-deep.ts', "export * from '../../../libs/coap/src/timers.ts';", BOUNDARIES],
  ['a socket in an engine', 'libs/lwm2m/src/planted-net.ts', "export { connect } from 'node:net';", IMPORTS],
  ['a cipher past the one door', 'libs/dtls/src/planted-cipher.ts', "export { createCipheriv } from 'node:crypto';", IMPORTS],
  ['a secret’s cipher past its file', 'libs/secrets/src/planted-cipher.ts', "export { createHmac } from 'node:crypto';", IMPORTS],
  ['a socket without its prefix', 'libs/lwm2m/src/planted-dgram.ts', "export { createSocket } from 'dgram';", IMPORTS],
  ['telemetry in an engine', 'libs/session/src/planted-telemetry.ts', "export { Metrics } from '@cluster/telemetry';", IMPORTS],
  ['the clock in an engine', 'libs/session/src/planted-now.ts', 'export const at = () => Date.now();', PROPERTIES],
  ['chance in an engine', 'libs/bytes/src/planted-random.ts', 'export const draw = () => Math.random();', PROPERTIES],
  ['a timer in an engine', 'libs/events/src/planted-timer.ts', 'export const wait = (f: () => void) => setTimeout(f, 1);', GLOBALS],
  ['the process in an engine', 'libs/coap/src/planted-process.ts', 'export const env = () => process.env;', GLOBALS],
  ['a cycle', 'libs/coap/src/planted-a.ts', "import { b } from './planted-b.ts';\nexport const a = () => b;", 'import(no-cycle)'],
  ['the cycle’s other half', 'libs/coap/src/planted-b.ts', "import { a } from './planted-a.ts';\nexport const b = () => a;", 'import(no-cycle)'],
  ['a promise left alone', 'libs/transport/src/planted-promise.ts', 'const f = async () => 1;\nexport const g = () => { f(); };', 'typescript(no-floating-promises)'],
  ['a promise as a condition', 'libs/transport/src/planted-if.ts', 'const f = async () => true;\nexport const g = () => (f() ? 1 : 2);', 'typescript(no-misused-promises)'],
  ['a case left out', 'libs/coap/src/planted-switch.ts', "export function f(x: 'a' | 'b'): void { switch (x) { case 'a': break; } }", 'typescript(switch-exhaustiveness-check)'],
  ['a file of 501 lines', 'libs/coap/src/planted-long.ts', `export const a = 1;\n${'// line\n'.repeat(500)}`, 'eslint(max-lines)'],
  ['a function of 82 lines', 'libs/coap/src/planted-function.ts', `export function f(): void {\n${'  f();\n'.repeat(80)}}`, 'eslint(max-lines-per-function)'],
  ['a skipped test', 'libs/coap/src/planted-skip.test.ts', "import { it } from 'vitest';\nit.skip('x', () => {});", 'vitest(no-disabled-tests)'],
  ['an import from below', 'libs/session/src/planted-down.ts', "import { Buffer } from 'node:buffer';\nexport * from '@cluster/coap';\nexport const empty = Buffer.alloc(0);", undefined],
  ['standalone that imports a service', 'services/standalone/src/planted.ts', "export * from '@cluster/edge';", undefined],
  ['a test that imports the test tools', 'libs/store-redis/src/planted.test.ts', "export * from '@cluster/testing';", undefined],
  ['a test of an engine that reads a file', 'libs/coap/src/planted-file.test.ts', "export { readFile } from 'node:fs/promises';", undefined],
];

let workspace: PlantedWorkspace;
let findings: Findings;

beforeAll(async () => {
  workspace = await PlantedWorkspace.copy();
  findings = await workspace.lint(Object.fromEntries(PLANTED.map(([, path, text]) => [path, `${text}\n`])));
}, 120_000);

afterAll(async () => workspace.remove());

it.each(PLANTED.filter(([, , , rule]) => rule !== undefined))('%s is refused', (_, path, __, rule) => {
  expect(findings.get(path)).toEqual([rule]);
});

it.each(PLANTED.filter(([, , , rule]) => rule === undefined))('%s is allowed', (_, path) => {
  expect(findings.get(path)).toEqual([]);
});
