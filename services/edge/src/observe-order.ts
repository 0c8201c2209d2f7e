/** Order of what an observation brings: its first value, too, may be overtaken by a notification. RFC 7641 §3.4 */
import { isFresher } from '@cluster/coap';
import type { Held } from './held-sessions.ts';

/** Notes an Observe value. True if a newer one came before; nothing is dropped for it, but it is told. */
export function cameLate({ lastObserve }: Pick<Held, 'lastObserve'>, counter: number, value: number, atMs: number): boolean {
  const last = lastObserve.get(counter);
  const next = { value, atMs };
  if (last !== undefined && !isFresher(last, next)) return last.value !== value;
  lastObserve.set(counter, next);
  return false;
}
