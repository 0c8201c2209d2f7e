/** Real S3-compatible storage as a local process: s3rver, which is there in seconds, or Versity's gateway, built once by Go. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { builtOnce } from '../clients/built-once.ts';
import { ensureProgram } from './install.ts';
import { accepts, freePorts } from './ports.ts';
import { startServer, type ServerProcess, type ServerSpec } from './process.ts';

const run = promisify(execFile);
const S3RVER = '@20minutes/s3rver@5.0.0';
const VERSITYGW = 'github.com/versity/versitygw/cmd/versitygw@v1.8.0';
const KEYS = { accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER' };
const START_PATIENCE_MS = 30_000;

/** A running server with one empty bucket. What it keeps survives `stop` and `start`, and is gone after `remove`. */
export interface S3Handle {
  readonly endpoint: string;
  readonly bucket: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** What a process needs to keep its packages there. */
  readonly env: Readonly<Record<string, string>>;
  stop(): Promise<void>;
  start(): Promise<void>;
  remove(): Promise<void>;
}

export type S3Server = 's3rver' | 'versitygw';

export async function startS3(server: S3Server): Promise<S3Handle> {
  const directory = await mkdtemp(join(tmpdir(), 'test-s3-'));
  const [port = 0] = await freePorts(1);
  const bucket = 'packages';
  for (const each of [`buckets/${bucket}`, 'metadata']) await mkdir(join(directory, each), { recursive: true });
  const buckets = join(directory, 'buckets');
  const { command, args } = await (server === 's3rver' ? s3rver(buckets, bucket, port) : versitygw(buckets, join(directory, 'metadata'), port));
  const spec = {
    command, args, logFile: join(directory, 'log'), scratchDirectory: directory, ready: () => accepts(port), readyTimeoutMs: START_PATIENCE_MS,
  };
  let running: ServerProcess | undefined = await startServer(spec).catch(async (error: unknown) => {
    await rm(directory, { recursive: true, force: true });
    throw error;
  });
  const endpoint = `http://127.0.0.1:${port}`;
  const stop = async (): Promise<void> => {
    await running?.stop('SIGKILL');
    running = undefined;
  };
  return {
    endpoint, bucket, credentials: KEYS, stop,
    env: {
      LWM2M_FIRMWARE_S3_BUCKET: bucket, LWM2M_FIRMWARE_S3_ENDPOINT: endpoint,
      AWS_ACCESS_KEY_ID: KEYS.accessKeyId, AWS_SECRET_ACCESS_KEY: KEYS.secretAccessKey,
    },
    async start() {
      running ??= await startServer(spec);
    },
    async remove() {
      await stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

type Program = Pick<ServerSpec, 'command' | 'args'>;

/** It comes as a library; it makes mistakes in signatures, and so looks at the key's name alone. */
async function s3rver(directory: string, bucket: string, port: number): Promise<Program> {
  const home = await builtOnce('s3rver', '5.0.0', async (into) => {
    await run('npm', ['install', '--prefix', into, '--no-audit', '--no-fund', '--ignore-scripts', S3RVER]);
  });
  const options = { address: '127.0.0.1', port, silent: true, allowMismatchedSignatures: true, directory, configureBuckets: [{ name: bucket, configs: [] }] };
  const start = `new (require('${home}/node_modules/@20minutes/s3rver'))(${JSON.stringify(options)}).run()`;
  return { command: process.execPath, args: ['-e', start] };
}

async function versitygw(directory: string, metadata: string, port: number): Promise<Program> {
  await ensureProgram('go', ['version'], 'golang-go');
  const home = await builtOnce('versitygw', '1.8.0', async (into) => {
    await run('go', ['install', VERSITYGW], { env: { ...process.env, GOBIN: into } });
  });
  const keys = ['--access', KEYS.accessKeyId, '--secret', KEYS.secretAccessKey];
  return { command: join(home, 'versitygw'), args: ['--port', `127.0.0.1:${port}`, ...keys, '--quiet', 'posix', '--sidecar', metadata, directory] };
}
