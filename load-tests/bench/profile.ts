/** Profiles of the edge, one for each kind of message: written as .cpuprofile, and their busiest functions named. */
import { mkdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Inspector, CpuProfile } from './inspector.ts';
import type { Around } from './messages-part.ts';

const BUSIEST = 25;

/** Profiles each phase of every round; the profile of the last round stays. */
export function profiling(inspector: Inspector, directory: string): Around {
  return async (name, phase) => {
    await inspector.startProfile();
    await phase();
    const profile = await inspector.stopProfile();
    await mkdir(directory, { recursive: true });
    await writeFile(join(directory, `${name}.cpuprofile`), JSON.stringify(profile));
    await writeFile(join(directory, `${name}.txt`), selfTimes(profile).join('\n'));
  };
}

/** Self time of each function as a share of the time that was not idle, the busiest first. */
export function selfTimes({ nodes, samples, timeDeltas }: CpuProfile): string[] {
  const byNode = new Map(nodes.map((node) => [node.id, node.callFrame]));
  const times = new Map<string, number>();
  let total = 0;
  samples.forEach((id, i) => {
    const frame = byNode.get(id);
    if (frame === undefined || frame.functionName === '(idle)') return;
    const name = `${frame.functionName || '(anonymous)'} ${basename(frame.url)}:${frame.lineNumber + 1}`;
    const us = timeDeltas[i] ?? 0;
    times.set(name, (times.get(name) ?? 0) + us);
    total += us;
  });
  const busiest = [...times].sort(([, a], [, b]) => b - a).slice(0, BUSIEST);
  return busiest.map(([name, us]) => `${((100 * us) / total).toFixed(1).padStart(5)} %  ${name}`);
}
