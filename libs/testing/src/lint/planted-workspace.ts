/** A copy of the workspace in which files that break its rules can be planted without touching the real one. */
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const COPIED = ['.oxlintrc.json', 'nx.json', 'package.json', 'package-lock.json', 'tsconfig.base.json'];
const LEFT_OUT = new Set(['node_modules', 'dist', 'bench', 'fuzz', 'clients', 'ddf', 'data']);

/** The names of the rules that fired, by the planted file. */
export type Findings = ReadonlyMap<string, readonly string[]>;

interface Diagnostic {
  readonly code: string;
  readonly filename: string;
}

const run = promisify(execFile);

export class PlantedWorkspace {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** Copies the workspace. {@link remove} it when done. */
  static async copy(): Promise<PlantedWorkspace> {
    const folder = await mkdtemp(join(tmpdir(), 'planted-'));
    for (const file of COPIED) await cp(join(ROOT, file), join(folder, file));
    for (const group of ['libs', 'services']) {
      await cp(join(ROOT, group), join(folder, group), { recursive: true, filter: (path) => !LEFT_OUT.has(basename(path)) });
    }
    await linkModules(folder);
    return new PlantedWorkspace(folder);
  }

  /** Writes files into the copy, lints them with the workspace's own configuration, and says what was found. */
  async lint(files: Readonly<Record<string, string>>): Promise<Findings> {
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(this.#folder, path)), { recursive: true });
      await writeFile(join(this.#folder, path), text);
    }
    await this.#tool('nx', ['graph', '--file=.nx/graph.json']);
    const paths = Object.keys(files);
    const found = await this.#tool('oxlint', ['--type-aware', '--format=json', ...paths]);
    const { diagnostics } = JSON.parse(found) as { diagnostics: Diagnostic[] };
    return new Map(paths.map((path) => [path, diagnostics.filter((each) => each.filename === path).map((each) => each.code)]));
  }

  async remove(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** Standard output, whatever the exit code: the linter ends with 1 when it finds something. */
  async #tool(name: string, args: readonly string[]): Promise<string> {
    const env = { ...process.env, NX_DAEMON: 'false', NX_TUI: 'false', CI: 'true' };
    const options = { cwd: this.#folder, env, maxBuffer: 64 * 1_048_576 };
    return run(join(ROOT, 'node_modules/.bin', name), args, options).then(
      ({ stdout }) => stdout,
      (error: { stdout?: string }) => error.stdout ?? '',
    );
  }
}

/** The copy's packages link to the copy, all others to the installed ones. */
async function linkModules(folder: string): Promise<void> {
  const modules = join(folder, 'node_modules');
  await mkdir(join(modules, '@cluster'), { recursive: true });
  for (const name of await readdir(join(ROOT, 'node_modules'))) {
    if (name !== '@cluster' && !name.startsWith('.')) await symlink(join(ROOT, 'node_modules', name), join(modules, name));
  }
  for (const group of ['libs', 'services']) {
    for (const name of await readdir(join(folder, group))) {
      await symlink(join(folder, group, name), join(modules, '@cluster', name));
    }
  }
}
