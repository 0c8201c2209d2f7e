/** Unit and integration tests run from source: workspace packages resolve through the `@cluster/source` condition. */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  resolve: { conditions: ['@cluster/source'] },
  ssr: { resolve: { conditions: ['@cluster/source'], externalConditions: ['@cluster/source'] } },
  test: {
    isolate: false,
    // Left to itself vitest keeps one core free, and many tests wait for something.
    maxWorkers: '100%',
    globalSetup: 'libs/testing/src/brokers/global-setup.ts',
    include: ['{libs,services,deploy}/**/*.test.ts'],
    exclude: ['**/node_modules/**', '**/dist/**'],
  },
});
