/** Small Java projects that tests build once, with Maven. */
import { execFile } from 'node:child_process';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ensureProgram } from '../brokers/install.ts';
import { builtOnce, hashOf } from './built-once.ts';

const run = promisify(execFile);

/** Builds a project where the cache has none of these sources; its jar and its dependencies make the class path that is returned. */
export async function buildMaven(name: string, project: string, jar: string): Promise<string> {
  await ensureProgram('java', ['-version'], 'default-jre-headless');
  const home = await builtOnce(name, await hashOf(project), async (into) => {
    await ensureProgram('javac', ['-version'], 'default-jdk-headless');
    await ensureProgram('mvn', ['--version'], 'maven');
    const source = join(into, 'source');
    await cp(project, source, { recursive: true, filter: (file) => !file.startsWith(join(project, 'target')) });
    await run('mvn', ['-q', '-B', '-f', join(source, 'pom.xml'), 'package']);
  });
  return `${join(home, `source/target/${jar}.jar`)}:${join(home, 'source/target/lib/*')}`;
}
