/** C libraries whose sources come inside a crate: cargo fetches them, nothing of Rust is compiled. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cp, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ensureProgram } from '../../brokers/install.ts';
import { builtOnce, hashOf } from '../built-once.ts';

const run = promisify(execFile);
const OUTPUT_BYTES = 64 << 20;

export interface CrateProgram {
  /** Name in the cache. */
  readonly name: string;
  /** Directory with Cargo.toml, Cargo.lock and client.c. */
  readonly project: string;
  /** Where the library's sources lie below the fetched crates. */
  readonly sources: string;
  /** Shell commands, run in the directory of the sources with PROJECT and OUT set, that leave the program as $OUT/client. */
  readonly build: string;
  /** Programs that the build needs: command, Debian's package. */
  readonly tools: readonly (readonly [program: string, debianPackage: string])[];
}

/** Builds the program where the cache has none of these sources. Returns its path. */
export async function buildFromCrate({ name, project, sources, build, tools }: CrateProgram): Promise<string> {
  const inputs = createHash('sha256').update(await hashOf(project)).update(build).digest('hex').slice(0, 12);
  const home = await builtOnce(name, inputs, async (into) => {
    for (const [program, debianPackage] of [['cargo', 'cargo'], ['gcc', 'gcc'], ...tools] as const) {
      await ensureProgram(program, ['--version'], debianPackage);
    }
    const work = join(into, 'build');
    await mkdir(work);
    await cp(project, join(work, 'project'), { recursive: true });
    await run('cargo', ['vendor', '--locked', '--quiet', join(work, 'crates')], { cwd: join(work, 'project') });
    const env = { ...process.env, PROJECT: join(work, 'project'), OUT: into };
    await run('sh', ['-e', '-c', `${build}\nrm -rf "${work}"`], { cwd: join(work, 'crates', sources), env, maxBuffer: OUTPUT_BYTES });
  });
  return join(home, 'client');
}
