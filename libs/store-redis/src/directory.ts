/**
 * The directory of endpoints, in parts that are each ordered and merged when listed: all, those in a state, those with a
 * label. Where several filters hold, the smallest index is gone through, and the others are checked entry by entry.
 */
import { Buffer } from 'node:buffer';
import type { DirectoryChange, DirectoryEntry, DirectoryFilter, ReadModelStore } from '@cluster/session';
import { command, script, type RedisCommand, type Router } from './command.ts';
import { compareBytes } from './fields.ts';
import { partOf } from '@cluster/bytes';
import type { Keys } from './keys.ts';
import * as scripts from './scripts.ts';

const PARTS = 16;
const ALL_PARTS = Array.from({ length: PARTS }, (_, part) => part);
/** Candidates that are checked at a time, where an index alone does not tell. */
const CHUNK = 500;

type Labels = Readonly<Record<string, string>>;
/** The keys of one part's indexes, of which an endpoint has to be in one. */
type Indexes = (part: number) => readonly string[];

export function directory(router: Router, keys: Keys): Pick<ReadModelStore, 'putEntries' | 'list'> {
  return {
    async putEntries(entries) {
      await router.execute(putCommands(keys, entries), 'durable');
    },
    list: (options) => list(router, keys, options),
  };
}

function putCommands(keys: Keys, entries: readonly DirectoryChange[]): RedisCommand[] {
  const parts = Map.groupBy(entries, ({ endpoint }) => partOf(endpoint, PARTS));
  return [...parts].flatMap(([part, group]) => {
    const states = group.flatMap(({ endpoint, state, changedAtMs }) => [endpoint, state, changedAtMs]);
    const labels = group.flatMap(({ endpoint, labelled }) =>
      labelled === undefined ? [] : [endpoint, labelled.atMs, JSON.stringify(labelled.labels)],
    );
    return [
      script(scripts.putEntries, [keys.directory(part), keys.directoryIndex(part)], ...states),
      ...(labels.length === 0 ? [] : [script(scripts.putLabels, [keys.labels(part)], ...labels)]),
    ];
  });
}

type ListOptions = Parameters<ReadModelStore['list']>[0];

async function list(router: Router, keys: Keys, options: ListOptions): Promise<DirectoryEntry[]> {
  const { limit } = options;
  const indexes = indexesOf(keys, options);
  const index = indexes.length === 1 ? indexes[0]! : await smallest(router, indexes);
  const chunk = indexes.length === 1 ? limit : Math.max(limit, CHUNK);
  const found: DirectoryEntry[] = [];
  let { after } = options;
  for (;;) {
    const endpoints = await range(router, index, after, chunk);
    const entries = await details(router, keys, endpoints);
    found.push(...entries.filter((entry) => passes(entry, options)).slice(0, limit - found.length));
    if (endpoints.length < chunk || found.length === limit) return found;
    after = endpoints.at(-1);
  }
}

function indexesOf(keys: Keys, { states, labels = {} }: DirectoryFilter): Indexes[] {
  const filters: Indexes[] = Object.entries(labels).map(([key, value]) => (part) => [keys.labels(part, `${key}=${value}`)]);
  if (states !== undefined) filters.push((part) => states.map((state) => keys.directoryIndex(part, state)));
  return filters.length > 0 ? filters : [(part) => [keys.directoryIndex(part)]];
}

async function smallest(router: Router, indexes: readonly Indexes[]): Promise<Indexes> {
  const sizes = await Promise.all(indexes.map(async (index) => {
    const counts = await router.execute(ALL_PARTS.flatMap(index).map((key) => command(key, 'zcard')), 'plain');
    return counts.reduce<number>((sum, count) => sum + Number(count), 0);
  }));
  return indexes[sizes.indexOf(Math.min(...sizes))]!;
}

/** The first `count` endpoints of an index after a name, in order. */
function range(router: Router, index: Indexes, after: string | undefined, count: number): Promise<string[]> {
  return firstOf(router, ALL_PARTS.flatMap(index), after, count);
}

/** The first `count` names after a name, in order, of those that stand in one of these indexes. */
export async function firstOf(router: Router, indexes: readonly string[], after: string | undefined, count: number): Promise<string[]> {
  const from = after === undefined ? '-' : `(${after}`;
  const ranges = indexes.map((key) => command(key, 'zrangebylex', from, '+', 'LIMIT', 0, count));
  const found = (await router.execute(ranges, 'plain')) as (readonly Buffer[])[];
  // What changes its state between the reads of two indexes is found in both.
  return [...new Set(found.flat().sort(Buffer.compare).map(String))].slice(0, count);
}

async function details(router: Router, keys: Keys, endpoints: readonly string[]): Promise<DirectoryEntry[]> {
  if (endpoints.length === 0) return [];
  const parts = [...Map.groupBy(endpoints, (endpoint) => partOf(endpoint, PARTS))];
  const reads = parts.flatMap(([part, group]) => [command(keys.directory(part), 'hmget', ...group), command(keys.labels(part), 'hmget', ...group)]);
  const replies = (await router.execute(reads, 'plain')) as (readonly (Buffer | null)[])[];
  const entries = parts.flatMap(([, group], index) =>
    group.map((endpoint, place) => toEntry(endpoint, replies[index * 2]?.[place] ?? null, replies[index * 2 + 1]?.[place] ?? null)),
  );
  return entries.sort((a, b) => compareBytes(a.endpoint, b.endpoint));
}

function toEntry(endpoint: string, stated: Buffer | null, labelled: Buffer | null): DirectoryEntry {
  const [changedAtMs, state] = timed(stated, '');
  const [, json] = timed(labelled, '{}');
  return { endpoint, state, changedAtMs, ...(json === '{}' ? {} : { labels: JSON.parse(json) as Labels }) };
}

/** A time, a space, and what is known since then. */
function timed(value: Buffer | null, unknown: string): [atMs: number, what: string] {
  if (value === null) return [0, unknown];
  const text = value.toString();
  const space = text.indexOf(' ');
  return [Number(text.slice(0, space)), text.slice(space + 1)];
}

/** An index may be newer than an entry that was read after it, or older: the entry decides. */
function passes({ state, labels: its = {} }: DirectoryEntry, { states, labels = {} }: DirectoryFilter): boolean {
  return (states === undefined || states.includes(state)) && Object.entries(labels).every(([key, value]) => its[key] === value);
}
