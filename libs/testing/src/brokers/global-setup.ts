/**
 * Vitest's global setup: answers, on a unix socket, the workers' questions for brokers, so that a whole run shares one
 * of each and a run that needs none starts none. Ends them with the run.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SOCKET_VARIABLE, brokerVariables, startShared, stopShared, type BrokerKind } from './shared.ts';

/** Called by vitest before the first worker starts; the returned function after the last one ended. */
export default async function setup(): Promise<() => Promise<void>> {
  const directory = await mkdtemp(join(tmpdir(), 'test-brokers-'));
  const socketPath = join(directory, 'socket');
  const server = await listen(socketPath);
  process.env[SOCKET_VARIABLE] = socketPath;
  return async () => {
    server.close();
    server.closeAllConnections();
    await stopShared();
    await rm(directory, { recursive: true, force: true });
  };
}

function listen(socketPath: string): Promise<Server> {
  const server = createServer((question, answer) => {
    const kind = (question.url ?? '').slice(1);
    const failed = (error: unknown): void => void answer.writeHead(503).end(error instanceof Error ? error.message : String(error));
    if (!isKind(kind)) return void answer.writeHead(404).end(`no such broker: ${kind}`);
    startShared(kind).then((addresses) => void answer.writeHead(200).end(addresses.join(',')), failed);
  });
  server.unref();
  return new Promise((resolve) => server.listen(socketPath, () => resolve(server)));
}

function isKind(kind: string): kind is BrokerKind {
  return kind in brokerVariables;
}
