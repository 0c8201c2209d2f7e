/**
 * Maintenance windows: whether one is open, and when the next one opens, by the clocks of its time zone. `Intl` knows the
 * zones and their changes of the clock; the time comes in as an argument.
 */
import type { CampaignWindow } from '@cluster/contracts';

const MINUTE_MS = 60_000;
const DAY_MINUTES = 1_440;
const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;
/** Windows come back each week; a change of the clock may take one away. */
const LOOK_AHEAD_MS = 15 * DAY_MINUTES * MINUTE_MS;

/** Making one costs much more than using it. */
const formats = new Map<string, Intl.DateTimeFormat>();
const MOST_FORMATS = 500;

function formatOf(timeZone: string): Intl.DateTimeFormat {
  const known = formats.get(timeZone);
  if (known !== undefined) return known;
  const format = new Intl.DateTimeFormat('en-US', { timeZone, hourCycle: 'h23', weekday: 'short', hour: '2-digit', minute: '2-digit' });
  if (formats.size >= MOST_FORMATS) formats.clear();
  formats.set(timeZone, format);
  return format;
}

export function isTimeZone(name: string): boolean {
  try {
    formatOf(name);
    return true;
  } catch {
    return false;
  }
}

interface LocalTime {
  /** From Sunday, 0. */
  readonly day: number;
  readonly minute: number;
}

function localTime(timeZone: string, atMs: number): LocalTime {
  const parts = new Map(formatOf(timeZone).formatToParts(atMs).map(({ type, value }) => [type, value]));
  const day = DAYS.indexOf((parts.get('weekday') ?? '').toLowerCase() as (typeof DAYS)[number]);
  return { day, minute: Number(parts.get('hour')) * 60 + Number(parts.get('minute')) };
}

function minutesOf(clock: string): number {
  const [hours, minutes] = clock.split(':');
  return Number(hours) * 60 + Number(minutes);
}

/** A window that ends where it begins is never open. */
export function isOpen({ timeZone, days, from, to }: CampaignWindow, atMs: number): boolean {
  const { day, minute } = localTime(timeZone, atMs);
  const [opens, closes] = [minutesOf(from), minutesOf(to)];
  const opensOn = (weekday: number) => days?.includes(DAYS[weekday]!) ?? true;
  if (opens <= closes) return minute >= opens && minute < closes && opensOn(day);
  return (minute >= opens && opensOn(day)) || (minute < closes && opensOn((day + 6) % 7));
}

/** When a window is open next, `atMs` itself included; undefined: not within two weeks. */
function nextOpening(window: CampaignWindow, atMs: number): number | undefined {
  const [opens, closes] = [minutesOf(window.from), minutesOf(window.to)];
  if (opens === closes) return undefined;
  let at = atMs;
  while (at <= atMs + LOOK_AHEAD_MS) {
    const { minute } = localTime(window.timeZone, at);
    if (isOpen(window, at)) {
      // A change of the clock puts the look off by an hour or so.
      const opened = at - ((minute - opens + DAY_MINUTES) % DAY_MINUTES) * MINUTE_MS;
      return opened > atMs && isOpen(window, opened) ? opened : at;
    }
    const ahead = (opens - minute + DAY_MINUTES) % DAY_MINUTES || DAY_MINUTES;
    at = Math.floor(at / MINUTE_MS) * MINUTE_MS + ahead * MINUTE_MS;
  }
  return undefined;
}

/** When updates may begin next, `atMs` included; no windows: always. Undefined: they may not within two weeks, or not before `notAfterMs`. */
export function opensAt(windows: readonly CampaignWindow[] | undefined, atMs: number, notAfterMs = Infinity): number | undefined {
  const times = windows === undefined ? [atMs] : windows.map((window) => nextOpening(window, atMs)).filter((time) => time !== undefined);
  const first = Math.min(...times);
  return Number.isFinite(first) && first <= notAfterMs ? first : undefined;
}
