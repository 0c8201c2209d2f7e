/** What should be observed at a device, as callers set and see it; the owner of the path reconciles. */
import { formatCode } from '@cluster/coap';
import type { DesiredObservation, ObservationView } from '@cluster/contracts';
import { checkCommand, type CommandFault } from '@cluster/lwm2m';
import { desire, toObservation } from '../observations.ts';
import type { Observation } from '../record.ts';
import type { DeviceSessions } from './device-sessions.ts';

export type ObservationsChange =
  | { readonly outcome: 'set'; readonly observations: ObservationView[] }
  | { readonly outcome: 'unknown-endpoint' }
  | { readonly outcome: 'malformed'; readonly faults: CommandFault[] };

export class DesiredObservations {
  readonly #devices: DeviceSessions;
  readonly #most: number;

  /** `most`: how many observations a device may have. */
  constructor(devices: DeviceSessions, most: number) {
    this.#devices = devices;
    this.#most = most;
  }

  async list(endpoint: string): Promise<ObservationView[] | undefined> {
    const found = await this.#devices.find(endpoint);
    return found?.record.observations.map(observationView);
  }

  /** Replaces what should be observed. */
  async set(endpoint: string, list: readonly DesiredObservation[]): Promise<ObservationsChange> {
    const faults = this.#check(list);
    if (faults.length > 0) return { outcome: 'malformed', faults };
    const wanted = list.map(toObservation);
    const changed = await this.#devices.change(endpoint, (record) => (record.state === 'registered' ? desire(record, wanted) : undefined));
    if (changed === undefined) return { outcome: 'unknown-endpoint' };
    return { outcome: 'set', observations: changed.observations.map(observationView) };
  }

  #check(list: readonly DesiredObservation[]): CommandFault[] {
    if (list.length > this.#most) return [{ path: '', message: `at most ${this.#most} observations` }];
    return list.flatMap((desired, i) => {
      const { attributes, ...observe } = desired;
      const op = desired.paths === undefined ? 'observe' : 'observe-composite';
      const faults = checkCommand({ op, ...observe });
      if (attributes !== undefined && desired.path !== undefined) {
        faults.push(...checkCommand({ op: 'write-attributes', path: desired.path, attributes }));
      }
      return faults.map(({ path, message }) => ({ path: `${i}.${path}`, message }));
    });
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
  };
}
