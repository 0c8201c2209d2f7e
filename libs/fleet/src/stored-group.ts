/** Groups as they are stored. */
import { group as groupSchema, type Group } from '@cluster/contracts';
import type { GroupStore } from './ports.ts';

const groupRecord = groupSchema.omit({ name: true });

export function toGroup(name: string, record: string): Group {
  return { ...groupRecord.parse(JSON.parse(record)), name };
}

/** The group of this name; undefined: there is none. */
export async function findGroup(store: Pick<GroupStore, 'group'>, name: string): Promise<Group | undefined> {
  const record = await store.group(name);
  return record === undefined ? undefined : toGroup(name, record);
}
