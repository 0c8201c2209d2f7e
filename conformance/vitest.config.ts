/** End-to-end tests: real server processes, real clients, real brokers. One file at a time: each has processes of its own. */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  resolve: { conditions: ['@cluster/source'] },
  ssr: { resolve: { conditions: ['@cluster/source'], externalConditions: ['@cluster/source'] } },
  test: {
    root: import.meta.dirname,
    include: ['**/*.test.ts'],
    exclude: ['**/node_modules/**', '**/dist/**'],
    globalSetup: ['src/build-server.ts', '../libs/testing/src/brokers/global-setup.ts'],
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 300_000,
  },
});
