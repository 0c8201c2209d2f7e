/** What operators do with bootstrap configurations: list, read, set, assign and remove them, and see what a device would get. */
import {
  type BootstrapConfiguration, type BootstrapConfigurationList, type BootstrapConfigurationView, type BootstrapPreview, DEFAULT_TENANT, type EndpointBootstrap,
  type EndpointBootstrapView,
} from '@cluster/contracts';
import { type Lwm2mVersion, parsePath, toJsonValue } from '@cluster/lwm2m';
import { writesOf } from './account-writes.ts';
import type { DeviceNumber } from '../ports.ts';
import { type Assignments, type BootstrapCandidate, isFor } from './assignments.ts';
import type { ProvisionedInstance } from './bootstrap-desk.ts';
import { checkDocument, type Definitions, definitionOf } from './check-document.ts';
import type { ConfigurationStore, OwnConfiguration, StoredConfiguration } from './configuration-store.ts';
import { type BootstrapDevices, frameOf, unknownCandidate } from './provisioning-desk.ts';
import { isSecretName } from './redacted.ts';
import type { DocumentFault } from './resource-rules.ts';
import { NO_VISITS } from './visits.ts';
import { withoutSecrets } from './without-secrets.ts';

export type ConfigurationPut<View> =
  | { readonly outcome: 'stored'; readonly view: View }
  | { readonly outcome: 'malformed'; readonly faults: readonly DocumentFault[] }
  | { readonly outcome: 'full' }
  | { readonly outcome: 'unknown-configuration' };

interface Deps {
  readonly store: ConfigurationStore;
  readonly assignments: Assignments;
  readonly devices: Pick<BootstrapDevices, 'find' | 'named' | 'prepare'>;
  readonly model: Definitions;
  /** The store's clock. */
  readonly timeMs: () => Promise<number>;
}

const NOTHING = new Uint8Array(0);
/** Of these instances everything that is bytes is made when a session begins, or is a secret. */
const SECURITY_OBJECTS: readonly (number | undefined)[] = [0, 21];

export class ConfigurationDesk {
  readonly #deps: Deps;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  async list(): Promise<BootstrapConfigurationList> {
    const { configurations } = (await this.#deps.store.read())!;
    return configurations.map(({ name, tenant, revision, updatedAtMs, configuration }) => ({
      name, ...ownedBy(tenant), revision, updatedAt: timeOf(updatedAtMs), ...(configuration?.assign === undefined ? {} : { assign: configuration.assign }),
    }));
  }

  async get(name: string): Promise<BootstrapConfigurationView | undefined> {
    const stored = await this.#deps.store.get(name);
    return stored && viewOf(stored, this.#deps.model);
  }

  /** Bootstrap servers take it up within two seconds. `tenant`: it is for that tenant's devices alone. @throws {Contended} */
  async put(name: string, configuration: BootstrapConfiguration, tenant?: string): Promise<ConfigurationPut<BootstrapConfigurationView>> {
    const faults = checkDocument(configuration, this.#deps.model);
    if (configuration.assign?.unknownEndpoints === true && configuration.assign.default !== true) {
      faults.push({ path: 'assign.unknownEndpoints', message: 'is for the default' });
    }
    if (configuration.assign?.unknownEndpoints === true && (tenant ?? DEFAULT_TENANT) !== DEFAULT_TENANT) {
      faults.push({ path: 'assign.unknownEndpoints', message: `is not for a tenant: such endpoints are ${DEFAULT_TENANT}'s` });
    }
    if (faults.length > 0) return { outcome: 'malformed', faults };
    const stored = await this.#deps.store.put(name, configuration, tenant);
    return stored === 'full' ? { outcome: 'full' } : { outcome: 'stored', view: viewOf({ name, ...stored, configuration }, this.#deps.model) };
  }

  /** False: there was none. */
  remove(name: string): Promise<boolean> {
    return this.#deps.store.remove(name);
  }

  /** What the endpoint has of its own; undefined: nothing. */
  async own(endpoint: string): Promise<EndpointBootstrapView | undefined> {
    const { own } = await this.#deps.store.ofEndpoint(endpoint);
    return own && ownViewOf(own, this.#deps.model);
  }

  /** An endpoint that is not there is prepared for its first Register. Its quarantine is lifted. @throws {Contended} */
  async putOwn(endpoint: string, { configuration, document }: EndpointBootstrap): Promise<ConfigurationPut<EndpointBootstrapView>> {
    const { store, model, devices } = this.#deps;
    if (configuration !== undefined && !(await this.#isThereFor(endpoint, configuration))) return { outcome: 'unknown-configuration' };
    const faults = document === undefined ? [] : checkDocument(document, model).map(({ path, message }) => ({ path: `document.${path}`, message }));
    if (faults.length > 0) return { outcome: 'malformed', faults };
    await devices.prepare(endpoint);
    const stored = await store.putOwn(endpoint, document === undefined ? { configuration: configuration! } : { document });
    if (stored === 'full') return { outcome: 'full' };
    await store.putVisits(endpoint, NO_VISITS);
    const own: OwnConfiguration = document === undefined ? { ...stored, kind: 'assigned', configuration: configuration! } : { ...stored, kind: 'document', document };
    return { outcome: 'stored', view: ownViewOf(own, model) };
  }

  /** False: it had nothing. Groups and the default decide from then on; its quarantine is lifted. */
  async removeOwn(endpoint: string): Promise<boolean> {
    await this.#deps.store.putVisits(endpoint, NO_VISITS);
    return this.#deps.store.removeOwn(endpoint);
  }

  /** What the device would get now, or why it gets nothing. Nothing is made for it. */
  async preview(endpoint: string, version: Lwm2mVersion): Promise<BootstrapPreview | string> {
    const { store, assignments, devices, model, timeMs } = this.#deps;
    const number = await devices.find(endpoint);
    const candidate = await this.#candidate(endpoint, number);
    const { own, visits } = await store.ofEndpoint(endpoint);
    const nowMs = await timeMs();
    const assigned = await assignments.of(own, candidate, nowMs);
    if (typeof assigned === 'string') return assigned;
    if (number === undefined && own === undefined && !assigned.unknownEndpoints) return 'nothing is known of this endpoint';
    const { accounts } = assigned.document;
    const context = { masterSecret: NOTHING, salt: NOTHING, senderId: NOTHING, recipientId: NOTHING };
    const materials = accounts.map(({ oscore }) => ({ publicKeyOrIdentity: NOTHING, serverPublicKey: NOTHING, secretKey: NOTHING, oscore: oscore && context }));
    const writes = writesOf(assigned.document, materials, model, version).map((write) => shown(write, model));
    const frame = frameOf(assigned);
    return {
      ...frame, source: assigned.source, writes, keep: [...frame.keep], readBack: [...frame.readBack], deletes: typeof frame.deletes === 'string' ? frame.deletes : [...frame.deletes],
      ...(visits.quarantinedUntilMs > nowMs ? { quarantinedUntil: timeOf(visits.quarantinedUntilMs) } : {}),
    };
  }

  async #isThereFor(endpoint: string, name: string): Promise<boolean> {
    const { store, devices } = this.#deps;
    const configuration = await store.get(name);
    return configuration !== undefined && isFor(configuration, await this.#candidate(endpoint, await devices.find(endpoint)));
  }

  async #candidate(endpoint: string, number: DeviceNumber | undefined): Promise<BootstrapCandidate> {
    return (number === undefined ? undefined : await this.#deps.devices.named(number)) ?? unknownCandidate(endpoint);
  }
}

function ownedBy(tenant: string | undefined): { tenant?: string } {
  return tenant === undefined ? {} : { tenant };
}

function viewOf({ name, tenant, revision, updatedAtMs, configuration }: StoredConfiguration, model: Definitions): BootstrapConfigurationView {
  return { name, ...ownedBy(tenant), revision, updatedAt: timeOf(updatedAtMs), configuration: withoutSecrets(configuration, model) };
}

function ownViewOf(own: OwnConfiguration, model: Definitions): EndpointBootstrapView {
  const stored = { revision: own.revision, updatedAt: timeOf(own.updatedAtMs) };
  return own.kind === 'assigned' ? { ...stored, configuration: own.configuration } : { ...stored, document: withoutSecrets(own.document, model) };
}

function shown({ path, resources }: ProvisionedInstance, model: Definitions): BootstrapPreview['writes'][number] {
  const [object] = parsePath(path) ?? [];
  const definition = definitionOf(model, object ?? 0);
  return {
    path,
    resources: resources.map(({ id, instance, type, value }) => {
      const name = definition?.resources.get(id)?.name;
      const bytes = value instanceof Uint8Array;
      const secret = isSecretName(name) && (bytes || !SECURITY_OBJECTS.includes(object));
      const hidden = secret || (bytes && SECURITY_OBJECTS.includes(object));
      return {
        id, type,
        ...(instance === undefined ? {} : { instance }),
        ...(name === undefined ? {} : { name }),
        ...(hidden ? {} : { value: toJsonValue({ value }) }),
        ...(secret ? { secret: true as const } : {}),
      };
    }),
  };
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}
