/** Helm and kubectl-validate: those of the PATH, else built once from their Go modules into the cache. */
import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const CACHE = resolve(import.meta.dirname, '../../.cache/go-bin');
const MODULES: Readonly<Record<string, string>> = {
  helm: 'helm.sh/helm/v3/cmd/helm@v3.22.0',
  'kubectl-validate': 'sigs.k8s.io/kubectl-validate@v0.0.4',
};
const MAX_OUTPUT_BYTES = 16 * 1_048_576;

/** The path of a tool. Rejects where it is not there and can't be built: Go is needed for that. */
export async function tool(name: keyof typeof MODULES): Promise<string> {
  const path = `${CACHE}:${process.env['PATH'] ?? ''}`;
  const found = await run('which', [name], { env: { ...process.env, PATH: path } }).catch(() => undefined);
  if (found !== undefined) return found.stdout.trim();
  await mkdir(CACHE, { recursive: true });
  await run('go', ['install', MODULES[name]!], { env: { ...process.env, GOBIN: CACHE }, maxBuffer: MAX_OUTPUT_BYTES });
  return resolve(CACHE, String(name));
}

export interface Output {
  readonly ok: boolean;
  readonly text: string;
}

/** Runs a tool to its end; what it says on both outputs. */
export async function output(command: string, args: readonly string[]): Promise<Output> {
  try {
    const { stdout, stderr } = await run(command, [...args], { maxBuffer: MAX_OUTPUT_BYTES });
    return { ok: true, text: stdout + stderr };
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    return { ok: false, text: stdout + stderr };
  }
}
