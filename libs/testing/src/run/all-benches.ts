/** `npm run bench`: runs every benchmark of the workspace, one after the other, in a process of its own. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { glob } from 'node:fs/promises';

const only = process.argv[2] ?? '';
const files: string[] = [];
for await (const file of glob('{libs,services}/*/bench/*.bench.ts')) if (file.includes(only)) files.push(file);

for (const file of files.sort()) {
  console.log(`\n=== ${file}`);
  const child = spawn(process.execPath, ['--conditions=@cluster/source', '--expose-gc', file], { stdio: 'inherit' });
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) process.exitCode = 1;
}
