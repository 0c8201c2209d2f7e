/**
 * The configuration that a device is to keep over an update: exported before the installation, compared with what it has
 * afterwards, and given back where it differs. Only what servers may write is given back.
 */
import { firmwareKeep, jsonValue, valueType, type CommandRequest } from '@cluster/contracts';
import { z } from 'zod';
import { parsePath } from '../path.ts';
import type { TellingValue } from './facts.ts';

const keptValue = z.object({ path: z.string(), value: jsonValue, type: valueType.optional() });
export type KeptValue = z.infer<typeof keptValue>;

const restoration = z.object({ op: z.enum(['write-partial', 'create']), path: z.string(), values: z.array(keptValue) });
export type Restoration = z.infer<typeof restoration>;

export const kept = z.object({
  paths: z.array(firmwareKeep),
  /** What the device had, in the order of the paths; an object that it does not have has no values. */
  exported: z.array(z.object({ path: firmwareKeep, values: z.array(keptValue) })),
  /** How many of them are as they were. */
  restored: z.number().int(),
  /** How the device is given back what it lacks of the next one; undefined: that has to be read. */
  differing: z.array(restoration).optional(),
  /** Reads of the next one. */
  reads: z.number().int(),
  /** What was exported and what differs, where whoever stores it has sealed it. */
  sealed: z.string().optional(),
});
export type Kept = z.infer<typeof kept>;

export const NOTHING_KEPT = { exported: [], restored: 0, reads: 0 } satisfies Partial<Kept>;

/** Resources with the operations RW, in all versions of the objects. OMA LwM2M registry, objects 1, 2, 10 and 11 */
export const WRITABLE: Readonly<Record<number, ReadonlySet<number>>> = {
  1: new Set([1, 2, 3, 5, 6, 7, 10, 14, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27]),
  2: new Set([2, 3]),
  10: new Set([0, 1, 2, 4, 5, 7, 8, 9, 10, 13, 14]),
  11: new Set([0, 1, 2, 3, 4, 5, 6, 7, 8, 15, 16, 17, 18, 19, 20, 24, 26, 27, 29, 30, 31, 32, 33]),
};

/** Most characters of what is exported of one device. */
const MOST_EXPORTED = 65_536;

/** The next object to be exported; undefined: all are. */
export function nextToExport({ paths, exported }: Kept): Kept['paths'][number] | undefined {
  return paths[exported.length];
}

/** With one more object exported, or why that can't be. */
export function withExported(keep: Kept, values: readonly TellingValue[]): Kept | string {
  const path = nextToExport(keep);
  if (path === undefined) return keep;
  const own = values.filter((value) => value.path.startsWith(`${path}/`));
  const exported = [...keep.exported, { path, values: own.map(keptOf) }];
  return JSON.stringify(exported).length > MOST_EXPORTED ? `the device has more than ${MOST_EXPORTED} characters of configuration to keep` : { ...keep, exported };
}

function keptOf({ path, value, type }: TellingValue): KeptValue {
  return { path, value, ...(type === undefined || type === 'unknown' ? {} : { type }) };
}

/** What has to be done for the device to have again what it had: one command for each instance that differs. */
export function differences(before: readonly KeptValue[], now: readonly TellingValue[]): Restoration[] {
  const has = new Map(now.map(({ path, value }) => [path, value]));
  const instances = new Set(now.map(({ path }) => instanceOf(path)));
  return [...Map.groupBy(before, ({ path }) => instanceOf(path))].flatMap(([path, values]): Restoration[] => {
    if (!instances.has(path)) return [{ op: 'create', path, values }];
    const lacking = values.filter((one) => isWritable(one.path) && JSON.stringify(has.get(one.path)) !== JSON.stringify(one.value));
    return lacking.length === 0 ? [] : [{ op: 'write-partial', path, values: lacking }];
  });
}

function instanceOf(path: string): string {
  return path.split('/').slice(0, 3).join('/');
}

function isWritable(path: string): boolean {
  const [object = -1, , resource = -1] = parsePath(path) ?? [];
  return WRITABLE[object]?.has(resource) === true;
}

/** The command that reads the next object; or gives back what the device lacks of it. */
export function keepCommand(action: 'export' | 'recall' | 'restore', keep: Kept): Pick<CommandRequest, 'op' | 'path' | 'values' | 'repeatable'> {
  const [next] = keep.differing ?? [];
  if (action === 'restore' && next !== undefined) return { op: next.op, path: next.path, values: next.values, ...(next.op === 'create' ? {} : { repeatable: true }) };
  return { op: 'read', path: action === 'export' ? nextToExport(keep) ?? '/1' : keep.exported[keep.restored]?.path ?? '/1' };
}
