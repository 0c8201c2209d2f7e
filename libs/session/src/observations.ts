/** Observations as desired state: what should be observed, what the device confirmed, and what is to be done next. */
import type { CommandRequest, DesiredObservation } from '@cluster/contracts';
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

/** Replaces what should be observed. What stays the same goes on; what is dropped is cancelled at the device. */
export function desire(record: SessionRecord, wanted: readonly Observation[]): SessionRecord {
  const present = new Map(record.observations.map((o) => [observationKey(o), o]));
  const observations = wanted.map((next) => {
    const old = present.get(observationKey(next));
    if (old === undefined) return next;
    const same = JSON.stringify([old.accept, old.attributes]) === JSON.stringify([next.accept, next.attributes]);
    if (same && old.state !== 'refused') return old;
    return { ...next, ...(old.counter === undefined ? {} : { counter: old.counter }) };
  });
  const keys = new Set(observations.map(observationKey));
  const dropped = record.observations.filter((o) => !keys.has(observationKey(o)) && o.counter !== undefined);
  return { ...record, observations, cancellations: [...record.cancellations, ...dropped], kept: record.kept || wanted.length > 0 };
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
  if (dropped !== undefined) return { action: 'cancel', observation: dropped, command: observeCommand(dropped, 'cancel') };
  const wanted = record.observations.find((o) => o.state === 'wanted');
  if (wanted === undefined) return undefined;
  const [path] = wanted.paths;
  if (wanted.attributes !== undefined && !wanted.attributesWritten && !wanted.composite && path !== undefined) {
    const command: CommandRequest = { op: 'write-attributes', path, attributes: wanted.attributes };
    return { action: 'write-attributes', observation: wanted, command };
  }
  return { action: 'observe', observation: wanted, command: observeCommand(wanted, 'start') };
}

function observeCommand(o: Observation, action: 'start' | 'cancel'): CommandRequest {
  const accept = o.accept === undefined ? {} : { accept: o.accept };
  if (o.composite) return { op: action === 'start' ? 'observe-composite' : 'cancel-observe-composite', paths: [...o.paths], ...accept };
  return { op: action === 'start' ? 'observe' : 'cancel-observe', path: o.paths[0] ?? '/', ...accept };
}
