/** Why a step on a device was refused, in names for a counter: what an operator asks who sees 5.03. */
import { EventsUnavailable, type EventsFault } from '@cluster/events';
import { StoreUnavailable, type StoreFault } from '@cluster/session';

/**
 * `crowded`: too many steps wait for one device; `contended`: others changed the session under each attempt; `unreadable`:
 * its record is damaged or of a newer version; `fault`: an unexpected one, which is logged.
 */
export type RefusalCause = `store-${StoreFault}` | `events-${EventsFault}` | 'crowded' | 'contended' | 'unreadable' | 'fault';

export function storeCause(error: unknown): RefusalCause {
  return error instanceof StoreUnavailable ? `store-${error.reason}` : 'fault';
}

export function eventsCause(error: unknown): RefusalCause {
  return error instanceof EventsUnavailable ? `events-${error.reason}` : 'fault';
}
