/** What the commands of updates have in common: keys, by which a device's queue takes each once and its end is known; and their time. */
import { Buffer } from 'node:buffer';

export interface CommandKeys {
  /** What each id of such a command begins with. */
  readonly idPrefix: string;
  /** The key of one step; the queue of the device takes it once, whoever submits it again. */
  keyOf(update: string, step: number): string;
  /** The id that a command with that key gets. */
  idOf(update: string, step: number): string;
  /** The update and step of a command; undefined if it belongs to none. */
  placeOf(id: string): { update: string; step: number } | undefined;
}

const encoded = (text: string) => `k.${Buffer.from(text, 'utf8').toString('base64url')}`;

/** `kind`: two letters, so that what an id begins with is whole characters of base64url. */
export function commandKeys(kind: string): CommandKeys {
  const pattern = new RegExp(`^${kind}:([\\w-]+):(\\d+)$`);
  const idPrefix = encoded(`${kind}:`);
  const keyOf = (update: string, step: number) => `${kind}:${update}:${step}`;
  return {
    idPrefix,
    keyOf,
    idOf: (update, step) => encoded(keyOf(update, step)),
    placeOf(id) {
      if (!id.startsWith(idPrefix)) return undefined;
      const [, update, step] = pattern.exec(Buffer.from(id.slice(2), 'base64url').toString('utf8')) ?? [];
      return update === undefined ? undefined : { update, step: Number(step) };
    },
  };
}

const LEAST_TTL_S = 60;
const MOST_TTL_S = 30 * 86_400;

/** How long a command may wait for its device, where its update has that much time left. */
export function timeToLiveS(leftMs: number): number {
  return Math.min(MOST_TTL_S, Math.max(LEAST_TTL_S, Math.ceil(leftMs / 1_000)));
}
