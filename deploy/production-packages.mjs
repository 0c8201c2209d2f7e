/**
 * Takes out of all package.json what only building and testing needs, so that `npm install --omit=dev` brings the packages of the
 * services alone, in the versions of the lockfile. (Left in, npm also installs what devDependencies of workspaces need.)
 * Run by deploy/Dockerfile at the top of its copy of the project.
 */
import { globSync, readFileSync, writeFileSync } from 'node:fs';

for (const file of globSync(['package.json', 'libs/*/package.json', 'services/*/package.json'])) {
  const { devDependencies, overrides, ...rest } = JSON.parse(readFileSync(file, 'utf8'));
  writeFileSync(file, `${JSON.stringify(rest, null, 2)}\n`);
}
