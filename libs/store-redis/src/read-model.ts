/**
 * What readers are shown: the directory, in parts that are each ordered and merged when listed, and the last values
 * of each endpoint.
 */
import { Buffer } from 'node:buffer';
import type { DirectoryEntry, ReadModelStore, StoredValue } from '@cluster/session';
import { command, script, type Argument, type Router } from './command.ts';
import { compareBytes, fields } from './fields.ts';
import { partOf, type Keys } from './keys.ts';
import * as scripts from './scripts.ts';

const PARTS = 16;
const TIME_BYTES = 8;

export function readModel(router: Router, keys: Keys): ReadModelStore {
  return {
    async putEntries(entries) {
      const parts = Map.groupBy(entries, ({ endpoint }) => partOf(endpoint, PARTS));
      const commands = [...parts].map(([part, group]) =>
        script(
          scripts.putEntries,
          [keys.directory(part), keys.directoryIndex(part)],
          ...group.flatMap(({ endpoint, state, changedAtMs }) => [endpoint, state, changedAtMs]),
        ),
      );
      await router.execute(commands, 'durable');
    },
    list: (options) => list(router, keys, options),
    async putValues(values, maxPaths) {
      const commands = values
        .filter((endpoint) => endpoint.values.length > 0)
        .map(({ endpoint, values: ofOne }) =>
          script(scripts.putValues, [keys.values(endpoint)], maxPaths, ...ofOne.flatMap(toArguments)),
        );
      await router.execute(commands, 'durable');
    },
    async values(endpoint) {
      const [reply] = await router.execute([command(keys.values(endpoint), 'hgetall')], 'plain');
      return fields(reply!).map(([path, value]) => ({
        path,
        atMs: value.readDoubleBE(0),
        json: value.toString('utf8', TIME_BYTES),
      }));
    },
    async forgetValues(endpoint) {
      await router.execute([command(keys.values(endpoint), 'del')], 'durable');
    },
  };
}

type ListOptions = Parameters<ReadModelStore['list']>[0];

async function list(router: Router, keys: Keys, { after, limit, state }: ListOptions): Promise<DirectoryEntry[]> {
  const from = after === undefined ? '-' : `(${after}`;
  const ranges = Array.from({ length: PARTS }, (_, part) =>
    command(keys.directoryIndex(part, state), 'zrangebylex', from, '+', 'LIMIT', 0, limit),
  );
  const found = (await router.execute(ranges, 'plain')) as (readonly Buffer[])[];
  const endpoints = found.flat().sort(Buffer.compare).slice(0, limit);
  return details(router, keys, endpoints.map(String), state);
}

/** A state that was asked for is told as it was found, even if it has changed since: a short page would end the list. */
async function details(router: Router, keys: Keys, endpoints: string[], state?: string): Promise<DirectoryEntry[]> {
  const parts = [...Map.groupBy(endpoints, (endpoint) => partOf(endpoint, PARTS))];
  const reads = parts.map(([part, group]) => command(keys.directory(part), 'hmget', ...group));
  const replies = (await router.execute(reads, 'plain')) as (readonly (Buffer | null)[])[];
  const entries = parts.flatMap(([, group], index) =>
    group.map((endpoint, place) => toEntry(endpoint, replies[index]?.[place] ?? null, state)),
  );
  return entries.sort((a, b) => compareBytes(a.endpoint, b.endpoint));
}

function toEntry(endpoint: string, value: Buffer | null, state?: string): DirectoryEntry {
  const text = value?.toString() ?? '0 ';
  const space = text.indexOf(' ');
  return { endpoint, state: state ?? text.slice(space + 1), changedAtMs: Number(text.slice(0, space)) };
}

function toArguments({ path, atMs, json }: StoredValue): Argument[] {
  const value = Buffer.allocUnsafe(TIME_BYTES + Buffer.byteLength(json));
  value.writeDoubleBE(atMs);
  value.write(json, TIME_BYTES);
  return [path, value];
}
