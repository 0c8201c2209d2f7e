/** A registry of the benchmark: one process from dist/, ended or killed when asked. */
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { startProcess } from '@cluster/testing';

const MAIN = resolve(import.meta.dirname, '../../services/registry/dist/main.js');
const READY_MS = 60_000;

export interface RegistryProcess {
  /** Of its REST face. */
  readonly url: string;
  /** CPU time of the whole process so far, µs. */
  cpuUs(): Promise<number>;
  /** SIGKILL. */
  kill(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a registry on a free port and resolves when it consumes. */
export async function startRegistryProcess(brokers: { redisUrl: string; kafkaBrokers: readonly string[] }): Promise<RegistryProcess> {
  const [directory, port] = [await mkdtemp(join(tmpdir(), 'bench-registry-')), await freePort()];
  const base = `http://127.0.0.1:${port}`;
  const settings = {
    PATH: process.env['PATH'] ?? '', NODE_ENV: 'production', LWM2M_NOSEC: 'on', LWM2M_HTTP_PORT: String(port), LWM2M_LOG_LEVEL: 'warn',
    REDIS_URL: brokers.redisUrl, KAFKA_BROKERS: brokers.kafkaBrokers.join(','),
  };
  const server = await startProcess({
    command: 'env',
    args: ['-i', ...Object.entries(settings).map(([name, value]) => `${name}=${value}`), process.execPath, MAIN],
    logFile: join(directory, 'registry.log'),
    scratchDirectory: directory,
    ready: () => fetch(`${base}/health/ready`).then(({ status }) => status === 200, () => false),
    readyTimeoutMs: READY_MS,
  });
  const end = async (signal: 'SIGKILL' | 'SIGTERM'): Promise<void> => {
    await server.stop(signal);
    await rm(directory, { recursive: true, force: true });
  };
  return {
    url: `${base}/api/v1`,
    async cpuUs() {
      const text = await (await fetch(`${base}/metrics`)).text();
      return Number(/^process_cpu_seconds_total (\S+)/m.exec(text)?.[1] ?? 0) * 1e6;
    },
    kill: () => end('SIGKILL'),
    stop: () => end('SIGTERM'),
  };
}

function freePort(): Promise<number> {
  return new Promise((done, fail) => {
    const server = createServer().once('error', fail);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => (typeof address === 'object' && address !== null ? done(address.port) : fail(new Error('no port'))));
    });
  });
}
