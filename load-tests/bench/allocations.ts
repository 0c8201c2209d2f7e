/** What the edge allocates for each kind of message: the total and the functions that allocate most, a message. */
import { mkdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { AllocationNode, Inspector } from './inspector.ts';
import type { Around } from './messages-part.ts';

const MOST = 60;

/** Samples each phase of every round; the figures of the last round stay. `count`: messages of a phase. */
export function sampling(inspector: Inspector, directory: string, count: (name: string) => number): Around {
  return async (name, phase) => {
    await inspector.startAllocations();
    await phase();
    const head = await inspector.stopAllocations();
    await mkdir(directory, { recursive: true });
    await writeFile(join(directory, `${name}.heapprofile`), JSON.stringify({ head, samples: [] }));
    await writeFile(join(directory, `${name}.allocations.txt`), allocationLines(head, count(name)).join('\n'));
  };
}

/** Bytes a message: in all, of each function itself, and of each with all that it called. */
export function allocationLines(head: AllocationNode, messages: number): string[] {
  const own = new Map<string, number>();
  const whole = new Map<string, number>();
  const total = add(head, [], own, whole);
  const lines = (sites: Map<string, number>): string[] =>
    [...sites].sort(([, a], [, b]) => b - a).slice(0, MOST).map(([site, bytes]) => `${(bytes / messages).toFixed(0).padStart(7)}  ${site}`);
  return [`${(total / messages).toFixed(0)} bytes a message`, '', 'itself', ...lines(own), '', 'with what it called', ...lines(whole)];
}

/**
 * The bytes of a node and of all below it; `above`: the functions that are being run, of which each counts once. What a
 * function of the language allocates counts as its caller's own.
 */
function add({ callFrame, selfSize, children }: AllocationNode, above: readonly string[], own: Map<string, number>, whole: Map<string, number>): number {
  const { functionName, url, lineNumber } = callFrame;
  const site = url === '' ? (above.at(-1) ?? functionName) : `${functionName || '(anonymous)'} ${basename(url)}:${lineNumber + 1}`;
  const inside = [...above, site];
  let bytes = selfSize;
  for (const child of children) bytes += add(child, inside, own, whole);
  own.set(site, (own.get(site) ?? 0) + selfSize);
  if (!above.includes(site)) whole.set(site, (whole.get(site) ?? 0) + bytes);
  return bytes;
}
