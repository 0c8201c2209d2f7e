/** `npm run test:faults`: the long outages, beside the short ones that every run of the tests has. */
import { defineConfig } from 'vitest/config';
import conformance from './vitest.config.ts';

export default defineConfig({
  ...conformance,
  test: { ...conformance.test, include: ['faults/**/*.long.ts'], testTimeout: 600_000 },
});
