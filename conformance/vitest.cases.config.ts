/** `npm run conformance`: the OMA test cases alone, with their report. */
import { defineConfig } from 'vitest/config';
import { ConformanceReporter } from './src/report/reporter.ts';
import conformance from './vitest.config.ts';

export default defineConfig({
  ...conformance,
  test: { ...conformance.test, include: ['cases/**/*.test.ts'], reporters: ['default', new ConformanceReporter()] },
});
