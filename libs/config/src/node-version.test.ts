import { expect, it } from 'vitest';
import { nodeFault } from './node-version.ts';

it.each(['24.0.0', '24.21.0', '26.1.0'])('runs on Node.js %s', (version) => {
  expect(nodeFault(version)).toBeUndefined();
});

it.each(['18.19.0', '20.20.2', '22.12.0'])('says what is missing on Node.js %s', (version) => {
  expect(nodeFault(version)).toMatch(`this is ${version}`);
});
