/** Unit and integration tests run from source: workspace packages resolve through the `@cluster/source` condition. */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  resolve: { conditions: ['@cluster/source'] },
  ssr: { resolve: { conditions: ['@cluster/source'], externalConditions: ['@cluster/source'] } },
  test: {
    isolate: false,
    include: ['{libs,services,tools}/**/*.test.ts'],
    exclude: ['**/node_modules/**', '**/dist/**'],
  },
});
