/** Notification attributes of one device: set by Write-Attributes, inherited downwards, shown by Discover. */
import { formatPath, isUnder, type Path } from '@cluster/lwm2m';

/** Attribute values by name, as OMA LwM2M Core 1.1 §5.1.2 calls them. */
export type AttributeSet = Readonly<Record<string, number>>;

const SINCE_1_0 = ['pmin', 'pmax', 'gt', 'lt', 'st'];
const SINCE_1_1 = [...SINCE_1_0, 'epmin', 'epmax'];
const SINCE_1_2 = [...SINCE_1_1, 'edge', 'con', 'hqmax'];
const ON_VALUES_ONLY = new Set(['gt', 'lt', 'st', 'edge']);

const NAMES: Readonly<Record<string, readonly string[]>> = { '1.0': SINCE_1_0, '1.1': SINCE_1_1, '1.2': SINCE_1_2 };

/** Attributes that were set, path by path. */
export class Attributes {
  readonly #names: readonly string[];
  readonly #byPath = new Map<string, { path: Path; own: Map<string, number> }>();

  constructor(version: string) {
    this.#names = NAMES[version] ?? SINCE_1_1;
  }

  /** Carries out Write-Attributes; `query` is what came in Uri-Query, e.g. `["pmin=5", "gt"]`. Returns the code. */
  write(path: Path, query: readonly string[]): string {
    const changes = query.map((text) => this.#parse(path, text));
    if (changes.includes(undefined)) return '4.00';
    const next = new Map(this.#byPath.get(formatPath(path))?.own);
    for (const [name, value] of changes as [string, number | undefined][]) {
      if (value === undefined) next.delete(name);
      else next.set(name, value);
    }
    if (!isConsistent(Object.fromEntries(next))) return '4.00';
    this.#byPath.set(formatPath(path), { path, own: next });
    return '2.04';
  }

  /** What was set at this very path. */
  own(path: Path): AttributeSet {
    return Object.fromEntries(this.#byPath.get(formatPath(path))?.own ?? []);
  }

  /** What holds at the path: the nearest level that sets an attribute wins. */
  inherited(path: Path): AttributeSet {
    const levels = [...this.#byPath.values()].filter((entry) => isUnder(path, entry.path));
    levels.sort((a, b) => a.path.length - b.path.length);
    return Object.fromEntries(levels.flatMap((entry) => [...entry.own]));
  }

  /** What holds for a composite observation: of each period the shortest that holds at one of the paths. */
  shortestPeriods(paths: readonly Path[]): AttributeSet {
    const shortest: Record<string, number> = {};
    for (const path of paths) {
      for (const [name, value] of Object.entries(this.inherited(path))) {
        if (name === 'pmin' || name === 'pmax') shortest[name] = Math.min(value, shortest[name] ?? Infinity);
      }
    }
    return shortest;
  }

  #parse(path: Path, text: string): [string, number | undefined] | undefined {
    const [name = '', raw] = text.split('=', 2);
    if (!this.#names.includes(name)) return undefined;
    if (ON_VALUES_ONLY.has(name) && path.length < 3) return undefined;
    if (raw === undefined) return [name, undefined];
    const value = Number(raw);
    return raw === '' || !Number.isFinite(value) ? undefined : [name, value];
  }
}

/** OMA LwM2M Core 1.1 §5.1.2: lt < gt, and a step that fits twice between them. */
function isConsistent({ lt, gt, st }: AttributeSet): boolean {
  if (st !== undefined && st <= 0) return false;
  return lt === undefined || gt === undefined || lt + 2 * (st ?? 0) < gt;
}
