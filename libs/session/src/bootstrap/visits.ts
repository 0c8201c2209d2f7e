/** How often a device comes to the bootstrap server, and when it comes too often. Pure. */
import type { BootstrapDocument } from '@cluster/contracts';

export interface Visits {
  /** When its last sessions began, ms; the oldest first. */
  readonly at: readonly number[];
  /** Times in quarantine since it last behaved. */
  readonly quarantines: number;
  readonly quarantinedUntilMs: number;
}

export const NO_VISITS: Visits = { at: [], quarantines: 0, quarantinedUntilMs: 0 };

const DEFAULTS = { sessions: 20, windowS: 3_600, quarantineS: 600 };
const MAX_QUARANTINE_S = 86_400;
/** A device that kept away from trouble for so long begins anew. */
const FORGIVEN_AFTER_MS = 86_400_000;

/** One more visit. `refusedForS`: it is in quarantine for so long. One that is refused counts for nothing. */
export function visited(visits: Visits, policy: BootstrapDocument['policy'], nowMs: number): { readonly visits: Visits; readonly refusedForS?: number } {
  const { sessions = DEFAULTS.sessions, windowS = DEFAULTS.windowS, quarantineS = DEFAULTS.quarantineS } = policy ?? {};
  if (nowMs < visits.quarantinedUntilMs) return { visits, refusedForS: Math.ceil((visits.quarantinedUntilMs - nowMs) / 1_000) };
  const at = visits.at.filter((each) => each > nowMs - windowS * 1_000 && each <= nowMs).slice(-sessions);
  const forgiven = nowMs - visits.quarantinedUntilMs > FORGIVEN_AFTER_MS;
  const quarantines = forgiven ? 0 : visits.quarantines;
  if (at.length < sessions) return { visits: { at: [...at, nowMs], quarantines, quarantinedUntilMs: visits.quarantinedUntilMs } };
  const refusedForS = Math.min(MAX_QUARANTINE_S, quarantineS * 2 ** Math.min(quarantines, 16));
  return { visits: { at: [], quarantines: quarantines + 1, quarantinedUntilMs: nowMs + refusedForS * 1_000 }, refusedForS };
}

/** What was stored; nothing, where it can't be read. */
export function readVisits(text: string | undefined): Visits {
  try {
    const { at, quarantines, quarantinedUntilMs } = JSON.parse(text ?? '') as Partial<Visits>;
    return { at: Array.isArray(at) ? at.filter(Number.isFinite) : [], quarantines: quarantines ?? 0, quarantinedUntilMs: quarantinedUntilMs ?? 0 };
  } catch {
    return NO_VISITS;
  }
}
