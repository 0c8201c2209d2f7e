/** Health and metrics of the worker over plain HTTP: what an orchestrator and a scraper ask for, nothing else. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Metrics } from '@cluster/telemetry';

/** `starting` and `draining` take no traffic; `degraded` does: devices get 5.03 rather than silence. */
export type Readiness = 'starting' | 'ready' | 'degraded' | 'draining';

export interface HealthParts {
  readiness(): Readiness;
  /** The state of what the worker depends on. */
  parts(): Readonly<Record<string, string>>;
}

/** Listens on `bind`:`port` (0: any free port). */
export function serveHealth(options: { bind: string; port: number; metrics: Metrics; health: HealthParts }): Promise<Server> {
  const server = createServer({ requestTimeout: 5_000, maxHeaderSize: 8_192 }, (request, response) => answer(request, response, options));
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.bind, () => resolve(server));
  });
}

function answer(request: IncomingMessage, response: ServerResponse, { metrics, health }: { metrics: Metrics; health: HealthParts }): void {
  if (request.method !== 'GET' && request.method !== 'HEAD') return send(response, 405, 'text/plain', '');
  switch (request.url) {
    case '/health/live':
      return send(response, 200, 'application/json', '{"status":"ok"}');
    case '/health/ready': {
      const status = health.readiness();
      const serves = status === 'ready' || status === 'degraded';
      return send(response, serves ? 200 : 503, 'application/json', JSON.stringify({ status, ...health.parts() }));
    }
    case '/metrics':
      return send(response, 200, 'text/plain; version=0.0.4; charset=utf-8', metrics.renderPrometheus());
    default:
      return send(response, 404, 'text/plain', '');
  }
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(body);
}
