/**
 * The directory of endpoints, in parts that are each ordered and merged when listed: all, those in a state, those with a
 * label. Where several filters hold, the smallest index is gone through, and the others are checked entry by entry.
 */
import { Buffer } from 'node:buffer';
import type { DirectoryChange, DirectoryEntry, DirectoryFilter, ReadModelStore } from '@cluster/session';
import { command, script, type RedisCommand, type Router } from './command.ts';
import { compareBytes } from './fields.ts';
import { partOf, type Keys } from './keys.ts';
import * as scripts from './scripts.ts';

const PARTS = 16;
const ALL_PARTS = Array.from({ length: PARTS }, (_, part) => part);
/** Candidates that are checked at a time, where an index alone does not tell. */
const CHUNK = 500;

type Labels = Readonly<Record<string, string>>;
type Index = (part: number) => string;

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

function indexesOf(keys: Keys, { state, labels = {} }: DirectoryFilter): Index[] {
  const filters: Index[] = Object.entries(labels).map(([key, value]) => (part) => keys.labels(part, `${key}=${value}`));
  if (state !== undefined) filters.push((part) => keys.directoryIndex(part, state));
  return filters.length > 0 ? filters : [(part) => keys.directoryIndex(part)];
}

async function smallest(router: Router, indexes: readonly Index[]): Promise<Index> {
  const counts = await router.execute(indexes.flatMap((index) => ALL_PARTS.map((part) => command(index(part), 'zcard'))), 'plain');
  const sizes = indexes.map((_, i) => counts.slice(i * PARTS, (i + 1) * PARTS).reduce<number>((sum, count) => sum + Number(count), 0));
  return indexes[sizes.indexOf(Math.min(...sizes))]!;
}

/** The first `count` endpoints of an index after a name, in order. */
async function range(router: Router, index: Index, after: string | undefined, count: number): Promise<string[]> {
  const from = after === undefined ? '-' : `(${after}`;
  const ranges = ALL_PARTS.map((part) => command(index(part), 'zrangebylex', from, '+', 'LIMIT', 0, count));
  const found = (await router.execute(ranges, 'plain')) as (readonly Buffer[])[];
  return found.flat().sort(Buffer.compare).slice(0, count).map(String);
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
function passes({ state, labels: its = {} }: DirectoryEntry, { state: wanted, labels = {} }: DirectoryFilter): boolean {
  return (wanted === undefined || state === wanted) && Object.entries(labels).every(([key, value]) => its[key] === value);
}
