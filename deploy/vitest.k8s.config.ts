/** `npm run test:k8s`: the chart against Helm and the schemas of Kubernetes. */
import { defineConfig } from 'vitest/config';
import units from '../vitest.config.ts';

export default defineConfig({
  ...units,
  test: { root: import.meta.dirname, include: ['k8s/*.long.ts'], testTimeout: 60_000, fileParallelism: false },
});
