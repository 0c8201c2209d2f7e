/** The edge with its health port: what a process runs, whichever adapters it stands on. */
import type { AddressInfo } from 'node:net';
import type { Config } from '@cluster/config';
import type { EdgeDeps } from './assemble.ts';
import { startEdge } from './edge.ts';
import { serveHealth } from './http.ts';

export interface EdgeApp {
  readonly coapPort: number | undefined;
  readonly coapsPort: number | undefined;
  readonly httpPort: number;
  close(): Promise<void>;
}

/** Starts the worker and serves its health and metrics. */
export async function runEdge(config: Config, deps: EdgeDeps): Promise<EdgeApp> {
  const edge = await startEdge(config, deps);
  const http = await serveHealth({ bind: config.httpBind, port: config.httpPort, metrics: deps.metrics, health: edge });
  return {
    coapPort: edge.coapPort,
    coapsPort: edge.coapsPort,
    httpPort: (http.address() as AddressInfo).port,
    async close() {
      await edge.close();
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
}
