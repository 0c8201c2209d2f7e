/** What should be observed at a device, as callers set and see it; the owner of the path reconciles. */
import { formatCode } from '@cluster/coap';
import type { DesiredObservation, ObservationView } from '@cluster/contracts';
import type { CommandFault } from '@cluster/lwm2m';
import { checkObservation } from '../check-observation.ts';
import { ownObservations, toObservation } from '../observations.ts';
import type { Observation } from '../record.ts';
import type { TemplateDesk } from '../templates/template-desk.ts';
import { withTemplates } from '../templates/with-templates.ts';
import type { DeviceSessions } from './device-sessions.ts';

export type ObservationsChange =
  | { readonly outcome: 'set'; readonly observations: ObservationView[] }
  | { readonly outcome: 'unknown-endpoint' }
  | { readonly outcome: 'malformed'; readonly faults: CommandFault[] };

export class DesiredObservations {
  readonly #devices: DeviceSessions;
  readonly #templates: TemplateDesk;
  readonly #most: number;

  /** `most`: how many observations a device may have. */
  constructor(devices: DeviceSessions, templates: TemplateDesk, most: number) {
    this.#devices = devices;
    this.#templates = templates;
    this.#most = most;
  }

  async list(endpoint: string): Promise<ObservationView[] | undefined> {
    const found = await this.#devices.find(endpoint);
    return found?.record.observations.map(observationView);
  }

  /** Replaces the endpoint's own list; what templates want stays beside it. */
  async set(endpoint: string, list: readonly DesiredObservation[]): Promise<ObservationsChange> {
    const faults = this.#check(list);
    if (faults.length > 0) return { outcome: 'malformed', faults };
    const wanted = list.map(toObservation);
    const templates = await this.#templates.read();
    const changed = await this.#devices.change(endpoint, (record) => {
      if (record.state !== 'registered') return undefined;
      const next = withTemplates(record, templates, this.#most, ownObservations(record, wanted));
      return { ...next, kept: record.kept || wanted.length > 0 };
    });
    if (changed === undefined) return { outcome: 'unknown-endpoint' };
    return { outcome: 'set', observations: changed.observations.map(observationView) };
  }

  #check(list: readonly DesiredObservation[]): CommandFault[] {
    if (list.length > this.#most) return [{ path: '', message: `at most ${this.#most} observations` }];
    return list.flatMap((desired, i) => checkObservation(desired, String(i)));
  }
}

/** An observation as REST shows it. */
export function observationView(o: Observation): ObservationView {
  return {
    ...(o.composite ? { paths: [...o.paths] } : { path: o.paths[0] ?? '/' }),
    ...(o.accept === undefined ? {} : { accept: o.accept }),
    ...(o.attributes === undefined ? {} : { attributes: o.attributes }),
    state: o.state,
    ...(o.code === undefined ? {} : { code: formatCode(o.code) }),
    ...(o.attributesCode === undefined ? {} : { attributesCode: formatCode(o.attributesCode) }),
    ...(o.from === undefined ? {} : { from: o.from }),
  };
}
