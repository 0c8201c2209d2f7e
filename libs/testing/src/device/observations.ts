/**
 * Observations of one device: which changes are due for a notification, and when (OMA LwM2M Core 1.1 §5.1.2: pmin, pmax,
 * gt, lt, st). Encodes and sends nothing itself.
 */
import { isUnder, type Path } from '@cluster/lwm2m';
import type { AttributeSet } from './attributes.ts';

/** An observation as the server asked for it. */
export interface Observation {
  readonly token: Buffer;
  readonly paths: readonly Path[];
  readonly composite: boolean;
  /** Content format of its notifications. */
  readonly format: number;
  /** The request's own payload and path, by which a cancel is matched. */
  readonly key: string;
}

/** What the observations ask of the device. */
export interface ObservationHost {
  /** Attributes that hold now, defaults of object 1 included. */
  attributesOf(observation: Observation): AttributeSet;
  /** Number at a path, where there is one. */
  numberAt(path: Path): number | undefined;
  /** A notification is due. `observe` is its sequence value. */
  notify(observation: Observation, observe: number): void;
}

interface State {
  readonly observation: Observation;
  observe: number;
  sentAtMs: number;
  sentNumber: number | undefined;
  seenNumber: number | undefined;
  pminTimer?: NodeJS.Timeout;
  pmaxTimer?: NodeJS.Timeout;
}

const OBSERVE_MODULUS = 0x1_00_00_00; // RFC 7641 §3.4: 24 bits

/** All observations of a device, by token. */
export class Observations {
  readonly #host: ObservationHost;
  readonly #states = new Map<string, State>();

  constructor(host: ObservationHost) {
    this.#host = host;
  }

  /** Observations that stand. */
  list(): Observation[] {
    return [...this.#states.values()].map((state) => state.observation);
  }

  /** Takes up an observation that was answered just now; a new request for the same thing replaces the old one. */
  add(observation: Observation): void {
    for (const other of this.list()) if (other.key === observation.key) this.remove(other.token);
    const number = this.#numberOf(observation);
    const state = { observation, observe: 1, sentAtMs: performance.now(), sentNumber: number, seenNumber: number };
    this.remove(observation.token);
    this.#states.set(observation.token.toString('hex'), state);
    this.#armPmax(state);
  }

  /** Ends the observation with this token. Returns it where there was one. */
  remove(token: Buffer): Observation | undefined {
    const state = this.#states.get(token.toString('hex'));
    if (state === undefined) return undefined;
    disarm(state);
    this.#states.delete(token.toString('hex'));
    return state.observation;
  }

  /** Ends the observation with this key (cancel by path and payload). */
  removeByKey(key: string): Observation | undefined {
    const observation = this.list().find((other) => other.key === key);
    return observation && this.remove(observation.token);
  }

  /** Ends them all: a new registration or a reboot. */
  clear(): void {
    for (const state of this.#states.values()) disarm(state);
    this.#states.clear();
  }

  /** Attributes or defaults changed: timers start anew. */
  rearm(): void {
    for (const state of this.#states.values()) this.#armPmax(state);
  }

  /** Values changed: notifies, now or when pmin allows. */
  changed(paths: readonly Path[]): void {
    for (const state of [...this.#states.values()]) {
      const touched = state.observation.paths.some((at) => paths.some((p) => isUnder(p, at) || isUnder(at, p)));
      if (touched && this.#isWorthTelling(state)) this.#notifyWhenAllowed(state);
    }
  }

  /** Notifies at once, whatever the attributes say. Returns how many observations cover the path. */
  force(path: Path): number {
    const covering = [...this.#states.values()].filter((s) => s.observation.paths.some((at) => isUnder(path, at)));
    for (const state of covering) this.#notify(state);
    return covering.length;
  }

  /** Sequence value for a notification that a test makes up. */
  nextObserve(token: Buffer): number {
    const state = this.#states.get(token.toString('hex'));
    if (state === undefined) return 1;
    state.observe = (state.observe + 1) % OBSERVE_MODULUS;
    return state.observe;
  }

  #isWorthTelling(state: State): boolean {
    const attributes = this.#host.attributesOf(state.observation);
    const before = state.seenNumber;
    const now = this.#numberOf(state.observation);
    state.seenNumber = now;
    return meetsCondition(attributes, { before, now, told: state.sentNumber });
  }

  #notifyWhenAllowed(state: State): void {
    const { pmin = 0 } = this.#host.attributesOf(state.observation);
    const leftMs = state.sentAtMs + pmin * 1_000 - performance.now();
    if (leftMs <= 0) this.#notify(state);
    else state.pminTimer ??= setTimeout(() => this.#notify(state), leftMs);
  }

  #notify(state: State): void {
    disarm(state);
    state.observe = (state.observe + 1) % OBSERVE_MODULUS;
    state.sentAtMs = performance.now();
    state.sentNumber = this.#numberOf(state.observation);
    this.#armPmax(state);
    this.#host.notify(state.observation, state.observe);
  }

  #armPmax(state: State): void {
    clearTimeout(state.pmaxTimer);
    const { pmin = 0, pmax } = this.#host.attributesOf(state.observation);
    if (pmax === undefined || pmax === 0 || pmax < pmin) return; // pmax below pmin is ignored
    const leftMs = Math.max(0, state.sentAtMs + pmax * 1_000 - performance.now());
    state.pmaxTimer = setTimeout(() => this.#notify(state), leftMs);
  }

  #numberOf({ paths }: Observation): number | undefined {
    const [path] = paths;
    return paths.length === 1 && path !== undefined && path.length >= 3 ? this.#host.numberAt(path) : undefined;
  }
}

/** Values between which a condition is judged: before the change, after it, and as last notified. */
export interface Change {
  readonly before: number | undefined;
  readonly now: number | undefined;
  readonly told: number | undefined;
}

/**
 * Whether a change must be told: always without gt, lt and st; else when it rises over gt, falls under lt, or is st away
 * from what was told last. Values that are no numbers know no conditions.
 */
export function meetsCondition({ gt, lt, st }: AttributeSet, { before, now, told }: Change): boolean {
  if (gt === undefined && lt === undefined && st === undefined) return true;
  if (now === undefined || before === undefined) return true;
  if (gt !== undefined && before <= gt && now > gt) return true;
  if (lt !== undefined && before >= lt && now < lt) return true;
  return st !== undefined && Math.abs(now - (told ?? before)) >= st;
}

function disarm(state: State): void {
  clearTimeout(state.pminTimer);
  clearTimeout(state.pmaxTimer);
  delete state.pminTimer;
  delete state.pmaxTimer;
}
