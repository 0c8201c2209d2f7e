/** What callers on the northern side do with one endpoint: read its state, queue commands, set what is kept for it, drop it. */
import type { CommandRequest, CommandStatus, DesiredObservation, DeviceProfile, EndpointView, Labels, ObservationView, TemplateEndpoint } from '@cluster/contracts';
import { checkCommand, type CommandFault } from '@cluster/lwm2m';
import { Commands, type Cancellation, type CommandsDeps, type QueueLimits, type Submission } from '../commands.ts';
import type { Origin } from '../entry.ts';
import { isKept } from '../disable.ts';
import type { Rng } from '../identifiers.ts';
import { desire } from '../observations.ts';
import { forgetBootstrap } from '../bootstrap/configuration-store.ts';
import { changeProfile, forgetOperatorState, NO_PROFILE } from '../profile.ts';
import type { Observation, SessionRecord } from '../record.ts';
import { end } from '../registration.ts';
import { TemplateDesk } from '../templates/template-desk.ts';
import { withTemplates } from '../templates/with-templates.ts';
import { DesiredObservations, type ObservationsChange } from './desired-observations.ts';
import { DeviceSessions } from './device-sessions.ts';
import { endpointView } from './views.ts';

export interface NorthboundLimits extends QueueLimits {
  readonly observations: number;
}

export interface NorthboundDeps extends CommandsDeps {
  readonly limits: NorthboundLimits;
  /** Draws the numbers of endpoints that are prepared before their first Register. */
  readonly rng: Rng;
}

export interface EndpointTraits {
  readonly endpoint: string;
  readonly tenant: string;
  /** It is registered, or something is kept for it: what is queued for it waits for its device. */
  readonly present: boolean;
  /** As far as is known it listens: registered, not sent away, and not asleep. */
  readonly listening: boolean;
  readonly labels: Labels;
  /** Of the objects and object instances that it registered. */
  readonly paths: readonly string[];
}

export class Northbound {
  /** Observation templates, which are no single endpoint's. */
  readonly templates: TemplateDesk;
  readonly #devices: DeviceSessions;
  readonly #commands: Commands;
  readonly #observations: DesiredObservations;
  readonly #most: number;

  constructor(deps: NorthboundDeps) {
    this.templates = new TemplateDesk(deps.cluster);
    this.#devices = new DeviceSessions(deps);
    this.#commands = new Commands(deps);
    this.#most = deps.limits.observations;
    this.#observations = new DesiredObservations(this.#devices, this.templates, deps.limits.observations);
  }

  /** The endpoint's state now; undefined if the cluster does not know it. */
  async endpoint(name: string): Promise<EndpointView | undefined> {
    const found = await this.#devices.find(name);
    if (found === undefined) return undefined;
    const queued = found.entries === 0 ? 0 : await this.#commands.open(found.number);
    return endpointView(found.record, queued, await this.#devices.store.timeMs());
  }

  /** Whose the endpoint is; undefined if the cluster does not know it. */
  async tenantOf(endpoint: string): Promise<string | undefined> {
    return (await this.#devices.find(endpoint))?.record.tenant;
  }

  /**
   * Gives an endpoint to a tenant; one that is not there is prepared for its first Register. With `from` only one that is
   * nobody's, or that tenant's. Returns whose it is then.
   */
  async setTenant(endpoint: string, tenant: string, from?: string): Promise<string> {
    const former = { record: undefined as SessionRecord | undefined, number: '' };
    const changed = await this.#devices.provide(endpoint, (record, nowMs, sequence, number) => {
      Object.assign(former, { record, number });
      const isNew = record.state === 'provisioned' && sequence === 1;
      if (record.tenant === tenant ? !isNew : !isNew && from !== undefined && record.tenant !== from) return undefined;
      return { ...record, tenant, changed: { atMs: nowMs, sequence }, kept: true };
    });
    const before = former.record?.tenant ?? tenant;
    if (changed !== undefined && before !== tenant) {
      // What waits is told to the new tenant's account when the queue is next looked at.
      await this.#devices.store.account([{ tenant: before, number: former.number, entries: 0, bytes: 0 }]);
    }
    return changed?.tenant ?? before;
  }

  /** See {@link Commands.submit}. */
  submit(endpoint: string, command: CommandRequest, origin?: Origin): Promise<Submission> {
    return this.#commands.submit(endpoint, command, origin);
  }

  /** Why no device could be sent this command. */
  faultsOf(command: CommandRequest): CommandFault[] {
    return checkCommand(command);
  }

  /** The device's commands, newest first; undefined if the endpoint is not known. */
  commands(endpoint: string): Promise<CommandStatus[] | undefined> {
    return this.#commands.list(endpoint);
  }

  async command(endpoint: string, id: string): Promise<CommandStatus | undefined> {
    return (await this.commands(endpoint))?.find((status) => status.id === id);
  }

  /** Cancels a command that is still queued. */
  cancel(endpoint: string, id: string): Promise<Cancellation> {
    return this.#commands.cancel(endpoint, id);
  }

  /** Drops the registration: the device's next Update gets 4.04 and it registers anew. False if there is none. */
  async drop(endpoint: string): Promise<boolean> {
    const changed = await this.#devices.change(endpoint, (record, nowMs, sequence) =>
      record.state === 'registered' ? end(record, 'removed', { nowMs, sequence }) : undefined,
    );
    return changed !== undefined;
  }

  observations(endpoint: string): Promise<ObservationView[] | undefined> {
    return this.#observations.list(endpoint);
  }

  /** Replaces what should be observed at the endpoint; the owner reconciles. */
  setObservations(endpoint: string, list: readonly DesiredObservation[]): Promise<ObservationsChange> {
    return this.#observations.set(endpoint, list);
  }

  /** What endpoints are selected by, in their order; undefined for those that the cluster does not know. */
  async traits(endpoints: readonly string[]): Promise<(EndpointTraits | undefined)[]> {
    const found = await this.#devices.findMany(endpoints);
    return found.map((one) => one && {
      endpoint: one.record.endpoint,
      tenant: one.record.tenant,
      present: one.record.state === 'registered' || isKept(one.record),
      listening: one.record.state === 'registered' && one.record.disabled === undefined && !(one.record.registration.queueMode && one.record.asleepSinceMs !== undefined),
      labels: one.record.profile?.labels ?? {},
      paths: one.record.registration.objectLinks.map(({ path }) => path),
    });
  }

  /**
   * Of these endpoints, of one tenant or all, those with observations that the template decides as things stand, with how
   * many stand in which state. What a session has not taken up yet is wanted.
   */
  async observedFor(template: string, endpoints: readonly string[], tenant?: string): Promise<TemplateEndpoint[]> {
    const [found, set] = await Promise.all([this.#devices.findMany(endpoints), this.templates.read()]);
    return found.flatMap((one) => {
      if (one?.record.state !== 'registered' || (tenant ?? one.record.tenant) !== one.record.tenant) return [];
      const { observations } = withTemplates(one.record, set, this.#most);
      const own = observations.filter(({ from }) => from === `template:${template}`);
      const of = (state: Observation['state']) => own.filter((o) => o.state === state).length;
      return own.length === 0 ? [] : [{ endpoint: one.record.endpoint, wanted: of('wanted'), active: of('active'), refused: of('refused') }];
    });
  }

  /** The endpoint's labels and settings; undefined if the cluster does not know it. */
  async profile(endpoint: string): Promise<DeviceProfile | undefined> {
    const found = await this.#devices.find(endpoint);
    return found && (found.record.profile ?? NO_PROFILE);
  }

  /** Replaces the labels, the settings or both. An endpoint that is not there is prepared for its first Register. */
  async setProfile(endpoint: string, change: Partial<DeviceProfile>): Promise<DeviceProfile> {
    const changed = await this.#devices.provide(endpoint, (record, nowMs, sequence) => changeProfile(record, change, { nowMs, sequence }));
    return changed?.profile ?? NO_PROFILE;
  }

  /**
   * Removes what an operator keeps for the endpoint: what it is bootstrapped with, labels, settings and desired observations.
   * A registration goes on without them; an endpoint that is not registered is forgotten. False if the cluster does not know it.
   */
  async forget(endpoint: string): Promise<boolean> {
    await forgetBootstrap(this.#devices.cluster, endpoint);
    const changed = await this.#devices.change(endpoint, (record: SessionRecord, nowMs, sequence) =>
      isGone(record) ? undefined : forgetOperatorState(desire(record, []), { nowMs, sequence }),
    );
    return changed !== undefined;
  }
}

/** Its registration ended, and nothing is kept: it is only waited until its number may be used again. */
function isGone(record: SessionRecord): boolean {
  return record.state !== 'registered' && !isKept(record);
}
