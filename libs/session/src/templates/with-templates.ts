/** What templates make of a session: its effective desired state, the endpoint's own list and then what templates want. */
import { isSame, observationKey, remade, withObservations } from '../observations.ts';
import type { Observation, SessionRecord } from '../record.ts';
import type { TemplateSet } from './template-set.ts';

/**
 * Brings a session to what its own list and the templates want. For the same observation the own list decides alone.
 * Beyond `limit` observations what templates want is left out, the least important first. What stays the same goes on
 * with its token; without any change the observations are the same object. `own`: another own list than the present one.
 */
export function withTemplates(record: SessionRecord, set: TemplateSet, limit: number, own = presentOwn(record)): SessionRecord {
  // Nobody uses templates: a Register pays nothing for them.
  if (set.templates.length === 0 && own === record.observations) return atVersion(record, set.version);
  const ownKeys = new Set(own.map(observationKey));
  const { endpoint, tenant, profile, registration: { lwm2mVersion, objectLinks } } = record;
  const wanted = set
    .observationsFor({ endpoint, tenant, lwm2mVersion, objectLinks, labels: profile?.labels })
    .filter((o) => !ownKeys.has(observationKey(o)))
    .slice(0, Math.max(limit - own.length, 0));
  const present = new Map(record.observations.map((o) => [observationKey(o), o]));
  const observations = [...own, ...wanted.map((next) => continued(present.get(observationKey(next)), next))];
  return atVersion(sameItems(observations, record.observations) ? record : withObservations(record, observations), set.version);
}

function atVersion(record: SessionRecord, templates: number): SessionRecord {
  return (record.templates ?? 0) === templates ? record : { ...record, templates };
}

function presentOwn({ observations }: SessionRecord): readonly Observation[] {
  return observations.every((o) => o.from === undefined) ? observations : observations.filter((o) => o.from === undefined);
}

/** The observation as it stands at the device, where that is what is wanted; else it is made again, by its token. */
function continued(old: Observation | undefined, next: Observation): Observation {
  if (old === undefined) return next;
  if (!isSame(old, next)) return remade(old, next);
  return old.from === next.from || next.from === undefined ? old : { ...old, from: next.from };
}

function sameItems(a: readonly Observation[], b: readonly Observation[]): boolean {
  return a.length === b.length && a.every((observation, i) => observation === b[i]);
}
