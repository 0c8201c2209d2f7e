/**
 * Vitest's global setup: brings the server's build up to date. The processes under test run what is shipped, and Node
 * can't run the NestJS services from source: its type stripping knows no decorators.
 */
import { execFile } from 'node:child_process';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const REPOSITORY = resolve(import.meta.dirname, '../..');
const SERVICES = ['edge', 'registry', 'bootstrap', 'firmware-orchestrator', 'standalone'];

/** Builds what changed since the last build. */
export async function setup(): Promise<void> {
  const projects = SERVICES.map((service) => join(REPOSITORY, 'services', service));
  try {
    await promisify(execFile)(join(REPOSITORY, 'node_modules/.bin/tsc'), ['-b', ...projects]);
  } catch (cause) {
    const { stdout = '' } = cause as { stdout?: string };
    throw new Error(`the server does not build:\n${stdout}`, { cause });
  }
}
