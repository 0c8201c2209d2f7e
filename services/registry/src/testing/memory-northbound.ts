/** The northbound use cases over a few devices in memory: what a registry's answers are tried against. */
import { isSameJson, type CommandRequest, type CommandStatus, type DesiredObservation, type DeviceProfile, type ObservationView, restExamples } from '@cluster/contracts';
import type { CommandFault } from '@cluster/lwm2m';
import type { NorthboundPort } from '../northbound-port.ts';

type Returned<K extends keyof NorthboundPort> = ReturnType<NorthboundPort[K]>;

const QUEUE_LIMIT = 3;

export class MemoryNorthbound implements NorthboundPort {
  readonly #commands = new Map<string, Map<string, CommandStatus>>();
  readonly #keys = new Map<string, { id: string; command: CommandRequest }>();
  readonly #observations = new Map<string, ObservationView[]>();
  readonly #profiles = new Map<string, DeviceProfile>();
  #lastId = 0;
  /** Of endpoints that are not the default tenant's. */
  readonly tenants = new Map<string, string>();
  /** Thrown by every call while set. */
  failure: Error | undefined;
  /** Called after a command was stored, before its caller is told. */
  onStored: (endpoint: string, status: CommandStatus) => void | Promise<void> = () => {};

  constructor(endpoints: readonly string[]) {
    for (const endpoint of endpoints) this.#commands.set(endpoint, new Map());
  }

  async endpoint(name: string) {
    this.#check();
    return this.#commands.has(name) ? { ...restExamples.endpoint, endpoint: name, ...this.#profiles.get(name) } : undefined;
  }

  async tenantOf(endpoint: string) {
    this.#check();
    return this.#commands.has(endpoint) ? (this.tenants.get(endpoint) ?? 'default') : undefined;
  }

  async setTenant(endpoint: string, tenant: string, from?: string) {
    const present = await this.tenantOf(endpoint);
    if (present !== undefined && from !== undefined && present !== from) return present;
    if (present === undefined) this.#commands.set(endpoint, new Map());
    this.tenants.set(endpoint, tenant);
    return tenant;
  }

  async submit(endpoint: string, command: CommandRequest): Returned<'submit'> {
    this.#check();
    const commands = this.#commands.get(endpoint);
    if (commands === undefined) return { outcome: 'unknown-endpoint' };
    if (command.path === '/65535') return { outcome: 'malformed', faults: [{ path: 'path', message: 'can not exist' }] };
    const known = command.idempotencyKey === undefined ? undefined : this.#keys.get(command.idempotencyKey);
    const before = known === undefined ? undefined : commands.get(known.id);
    if (known !== undefined && before !== undefined) return { outcome: 'repeated', status: before, same: isSameJson(known.command, command) };
    if (commands.size >= QUEUE_LIMIT) return { outcome: 'queue-full' };
    const id = `c${++this.#lastId}`;
    if (command.idempotencyKey !== undefined) this.#keys.set(command.idempotencyKey, { id, command });
    const status: CommandStatus = {
      id, op: command.op, ...(command.path === undefined ? {} : { path: command.path }), state: 'queued', attempts: 0,
      acceptedAt: '2026-03-01T09:00:00.000Z',
    };
    commands.set(id, status);
    await this.onStored(endpoint, status);
    return { outcome: 'accepted', status };
  }

  async commands(endpoint: string) {
    this.#check();
    const commands = this.#commands.get(endpoint);
    return commands && [...commands.values()].reverse();
  }

  async command(endpoint: string, id: string) {
    this.#check();
    return this.#commands.get(endpoint)?.get(id);
  }

  async cancel(endpoint: string, id: string): Returned<'cancel'> {
    this.#check();
    const status = this.#commands.get(endpoint)?.get(id);
    if (status === undefined) return 'unknown';
    if (status.state === 'in-flight') return 'in-flight';
    if (status.state !== 'queued') return 'finished';
    this.put(endpoint, { ...status, state: 'cancelled' });
    return 'cancelled';
  }

  async drop(endpoint: string) {
    this.#check();
    return this.#commands.delete(endpoint);
  }

  async observations(endpoint: string) {
    this.#check();
    return this.#commands.has(endpoint) ? (this.#observations.get(endpoint) ?? []) : undefined;
  }

  async setObservations(endpoint: string, list: readonly DesiredObservation[]): Returned<'setObservations'> {
    this.#check();
    if (!this.#commands.has(endpoint)) return { outcome: 'unknown-endpoint' };
    if (list.some(({ path }) => path === '/65535')) return { outcome: 'malformed', faults: [{ path: '0.path', message: 'can not exist' }] };
    const observations = list.map((desired) => ({ ...desired, state: 'wanted' as const }));
    this.#observations.set(endpoint, observations);
    return { outcome: 'set', observations };
  }

  async profile(endpoint: string): Returned<'profile'> {
    this.#check();
    return this.#commands.has(endpoint) ? (this.#profiles.get(endpoint) ?? { labels: {}, settings: {} }) : undefined;
  }

  async setProfile(endpoint: string, change: Partial<DeviceProfile>): Returned<'setProfile'> {
    const before = (await this.profile(endpoint)) ?? { labels: {}, settings: {} };
    if (!this.#commands.has(endpoint)) this.#commands.set(endpoint, new Map());
    const profile = { ...before, ...change };
    this.#profiles.set(endpoint, profile);
    return profile;
  }

  async forget(endpoint: string): Returned<'forget'> {
    this.#check();
    this.#profiles.delete(endpoint);
    return this.#commands.has(endpoint);
  }

  faultsOf(command: CommandRequest): CommandFault[] {
    return command.path === '/65535' ? [{ path: 'path', message: 'can not exist' }] : [];
  }

  async observedFor(template: string, endpoints: readonly string[]): Returned<'observedFor'> {
    this.#check();
    return endpoints.filter((endpoint) => this.#commands.has(endpoint) && template === 'all').map((endpoint) => ({ endpoint, wanted: 0, active: 1, refused: 0 }));
  }

  async traits(endpoints: readonly string[]): Returned<'traits'> {
    this.#check();
    return endpoints.map((endpoint) =>
      this.#commands.has(endpoint)
        ? { endpoint, tenant: this.tenants.get(endpoint) ?? 'default', present: true, listening: true, labels: this.#profiles.get(endpoint)?.labels ?? {}, paths: ['/3/0'] }
        : undefined,
    );
  }

  /** What the device's worker would have stored. */
  put(endpoint: string, status: CommandStatus): void {
    this.#commands.get(endpoint)?.set(status.id, status);
  }

  #check(): void {
    if (this.failure !== undefined) throw this.failure;
  }
}
