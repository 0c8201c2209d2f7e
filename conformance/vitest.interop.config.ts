/** `npm run test:interop`: the drivers of third-party clients that take minutes to build, against servers not ours and against ours. */
import { resolve } from 'node:path';
import { defineConfig } from 'vitest/config';
import conformance from './vitest.config.ts';

export default defineConfig({
  ...conformance,
  test: {
    root: resolve(import.meta.dirname, '..'),
    include: ['libs/testing/src/**/*.long.ts', 'conformance/interop/**/*.long.ts'],
    globalSetup: ['conformance/src/build-server.ts'],
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 900_000,
  },
});
