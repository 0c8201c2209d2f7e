/** `npm run test:k8s`: the chart against Helm and the schemas of Kubernetes, and installed where a cluster is named. */
import { defineConfig } from 'vitest/config';
import units from '../vitest.config.ts';

const cluster = process.env['KUBECONFIG'] !== undefined;
if (!cluster) console.log('the chart is not installed: that needs KUBECONFIG, a cluster that has the image lwm2m-cluster (K8S_IMAGE), and kubectl on the PATH');

export default defineConfig({
  ...units,
  test: { root: import.meta.dirname, include: ['k8s/*.long.ts'], exclude: cluster ? [] : ['k8s/install.long.ts'], testTimeout: 60_000, fileParallelism: false },
});
