/** Observations as desired state: what should be observed, what the device confirmed, and what is to be done next. */
import type { Attributes, CommandRequest, DesiredObservation } from '@cluster/contracts';
import type { Lwm2mVersion } from '@cluster/lwm2m';
import type { Observation, SessionRecord } from './record.ts';

/** Two observations are the same if they observe the same paths in the same way. */
export function observationKey(o: { paths: readonly string[]; composite: boolean }): string {
  return (o.composite ? 'c ' : 's ') + o.paths.join(' ');
}

export function toObservation(desired: DesiredObservation): Observation {
  const composite = desired.paths !== undefined;
  return {
    paths: desired.paths ?? [desired.path ?? '/'],
    composite,
    ...(desired.accept === undefined ? {} : { accept: desired.accept }),
    ...(desired.attributes === undefined ? {} : { attributes: desired.attributes }),
    state: 'wanted',
    attributesWritten: false,
  };
}

/**
 * Replaces the endpoint's own list. What stays the same goes on; what is dropped is cancelled at the device. What
 * templates want stays, unless the list has it too.
 */
export function desire(record: SessionRecord, wanted: readonly Observation[]): SessionRecord {
  const own = ownObservations(record, wanted);
  const ownKeys = new Set(own.map(observationKey));
  const observations = [...own, ...record.observations.filter((o) => o.from !== undefined && !ownKeys.has(observationKey(o)))];
  return { ...withObservations(record, observations), kept: record.kept || wanted.length > 0 };
}

/** An own list as it stands at the device, where that is what is wanted. */
export function ownObservations(record: SessionRecord, wanted: readonly Observation[]): Observation[] {
  const present = new Map(record.observations.map((o) => [observationKey(o), o]));
  return wanted.map((next) => {
    const old = present.get(observationKey(next));
    if (old === undefined) return next;
    if (!isSame(old, next) || old.state === 'refused') return remade(old, next);
    const { from: _, ...mine } = old;
    return old.from === undefined ? old : mine;
  });
}

/** Sets what should be observed; what falls away is cancelled where the device may report it. */
export function withObservations(record: SessionRecord, observations: readonly Observation[]): SessionRecord {
  const keys = new Set(observations.map(observationKey));
  const dropped = record.observations.filter((o) => !keys.has(observationKey(o)) && o.counter !== undefined && o.state !== 'refused');
  return { ...record, observations, cancellations: [...record.cancellations, ...dropped] };
}

/** Whether two observations of the same paths ask the device for the same. */
export function isSame(a: Observation, b: Observation): boolean {
  return JSON.stringify([a.accept, a.attributes]) === JSON.stringify([b.accept, b.attributes]);
}

/** `next` in the place of `old`, made again by its token; attributes that it has no more are to be unset. */
export function remade(old: Observation, next: Observation): Observation {
  const had = [...(old.unset ?? []), ...Object.keys(old.attributes ?? {})] as (keyof Attributes)[];
  const unset = [...new Set(had)].filter((name) => next.attributes?.[name] === undefined && (old.attributes?.[name] !== null));
  return {
    ...next,
    ...(old.counter === undefined ? {} : { counter: old.counter }),
    ...(unset.length === 0 || next.composite ? {} : { unset }),
  };
}

/** Adds one observation to what should be observed, or replaces it; what has its token is not cancelled any more. */
export function desireAlso(record: SessionRecord, wanted: Observation): SessionRecord {
  const key = observationKey(wanted);
  return {
    ...record,
    observations: [...record.observations.filter((o) => observationKey(o) !== key), wanted],
    cancellations: record.cancellations.filter((o) => o.counter !== wanted.counter),
  };
}

/** Takes one observation out of what should be observed; it is taken as cancelled already. */
export function forget(record: SessionRecord, observation: { paths: readonly string[]; composite: boolean }): SessionRecord {
  const key = observationKey(observation);
  return {
    ...record,
    observations: record.observations.filter((o) => observationKey(o) !== key),
    cancellations: record.cancellations.filter((o) => observationKey(o) !== key),
  };
}

/** The observation that a token's counter names. */
export function observationOf(record: SessionRecord, counter: number): Observation | undefined {
  return record.observations.find((o) => o.counter === counter && o.state !== 'refused');
}

/** Sets the fields of one observation. */
export function changeObservation(record: SessionRecord, key: string, change: Partial<Observation>): SessionRecord {
  return { ...record, observations: record.observations.map((o) => (observationKey(o) === key ? { ...o, ...change } : o)) };
}

/** Every observation is made again with its token: the device may have dropped notifications. */
export function renewAll(record: SessionRecord): SessionRecord {
  return { ...record, observations: record.observations.map((o) => (o.state === 'active' ? { ...o, state: 'wanted' as const } : o)) };
}

/** One request by which the device comes nearer to what should be observed. */
export interface ObservationStep {
  readonly action: 'write-attributes' | 'observe' | 'cancel';
  readonly observation: Observation;
  readonly command: CommandRequest;
}

/** The next step, or undefined where all is as it should be. */
export function nextObservationStep(record: SessionRecord): ObservationStep | undefined {
  const [dropped] = record.cancellations;
  if (dropped !== undefined) return { action: 'cancel', observation: dropped, command: observeCommand(record, dropped, 'cancel') };
  const wanted = record.observations.find((o) => o.state === 'wanted');
  if (wanted === undefined) return undefined;
  const [path] = wanted.paths;
  const attributes = attributesToWrite(wanted);
  if (attributes !== undefined && path !== undefined) {
    return { action: 'write-attributes', observation: wanted, command: { op: 'write-attributes', path, attributes } };
  }
  return { action: 'observe', observation: wanted, command: observeCommand(record, wanted, 'start') };
}

/** Attributes of a single path are written before it is observed. OMA LwM2M Core 1.1 §6.3.3 */
function attributesToWrite({ composite, attributesWritten, attributes, unset = [] }: Observation): Attributes | undefined {
  if (composite || attributesWritten || (attributes === undefined && unset.length === 0)) return undefined;
  return { ...Object.fromEntries(unset.map((name) => [name, null])), ...attributes };
}

/** A cancel has the options of what it cancels. RFC 7641 §3.6 */
function observeCommand({ registration }: SessionRecord, o: Observation, action: 'start' | 'cancel'): CommandRequest {
  const accept = o.accept === undefined ? {} : { accept: o.accept };
  if (o.composite) {
    const attributes = compositeAttributes(o, registration.lwm2mVersion);
    return { op: action === 'start' ? 'observe-composite' : 'cancel-observe-composite', paths: [...o.paths], ...accept, ...attributes };
  }
  return { op: action === 'start' ? 'observe' : 'cancel-observe', path: o.paths[0] ?? '/', ...accept };
}

/** Names that an Observe-Composite takes in its query; clients before 1.2 take none. OMA LwM2M Core 1.2 §6.4.4 */
export const COMPOSITE_ATTRIBUTES: readonly (keyof Attributes)[] = ['pmin', 'pmax', 'epmin', 'epmax', 'con'];

function compositeAttributes({ attributes }: Observation, version: Lwm2mVersion): { attributes?: Attributes } {
  return attributes === undefined || version !== '1.2' ? {} : { attributes };
}
