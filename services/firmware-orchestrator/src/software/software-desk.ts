/** The software of devices as operators want and see it. */
import { Injectable } from '@nestjs/common';
import type { SoftwareRequest, SoftwareView } from '@cluster/contracts';
import { software } from '@cluster/lwm2m';
import { ApiError } from '@cluster/nest-kit';
import type { FirmwareDeps } from '../options.ts';
import { PackageDesk } from '../packages/package-desk.ts';
import { deviceTraits } from '../updates/device-traits.ts';
import { told } from '../updates/update-desk.ts';
import { newUpdateId } from '../updates/update-turn.ts';
import { SoftwareTurn } from './software-turn.ts';

type Operation = software.SoftwareOperation;

@Injectable()
export class SoftwareDesk {
  readonly #packages: PackageDesk;
  readonly #turn: SoftwareTurn;
  readonly #deps: Pick<FirmwareDeps, 'sessions' | 'software'>;

  constructor(packages: PackageDesk, turn: SoftwareTurn, deps: Pick<FirmwareDeps, 'sessions' | 'software'>) {
    this.#packages = packages;
    this.#turn = turn;
    this.#deps = deps;
  }

  /** Begins an operation, in place of one that has changed nothing of what is installed. The same request twice is one operation. */
  async set(endpoint: string, instance: number, request: SoftwareRequest): Promise<SoftwareView> {
    const wanted = request.package === undefined ? undefined : await this.#wanted(request.package);
    const device = await deviceTraits(this.#deps.sessions, endpoint);
    if (device === undefined) throw new ApiError(404, 'ENDPOINT_UNKNOWN', 'No such endpoint is known', { detail: endpoint });
    const desired = { id: newUpdateId(), instance, package: wanted, request, secure: device.secure };
    await this.#change(endpoint, instance, (now, { nowMs }) => (now && !isSame(now, request) ? changing(software.onSuperseded(now, nowMs)) : undefined));
    await this.#turn.tellAll(endpoint);
    const operation = await this.#change(endpoint, instance, (now, scene) => (now && isSame(now, request) ? now : told(now) && software.begin(desired, scene)));
    return softwareView(endpoint, operation!);
  }

  async list(endpoint: string): Promise<SoftwareView[]> {
    const [stored] = await this.#deps.software.loadUpdates([endpoint]);
    return stored === undefined ? [] : software.decodeSoftware(stored.record).instances.map((one) => softwareView(endpoint, one));
  }

  /** @throws {ApiError} 404 */
  async show(endpoint: string, instance: number): Promise<SoftwareView> {
    const view = (await this.list(endpoint)).find((one) => one.instance === instance);
    if (view === undefined) throw softwareUnknown(endpoint, instance);
    return view;
  }

  /** Cancels what has changed nothing of what is installed. @throws {ApiError} 404, 409 */
  async cancel(endpoint: string, instance: number): Promise<SoftwareView> {
    const operation = await this.#change(endpoint, instance, (now, scene) => now && changing(software.onCancel(now, scene)));
    if (operation === undefined) throw softwareUnknown(endpoint, instance);
    return softwareView(endpoint, operation);
  }

  async #wanted(id: string) {
    const { version, target = {} } = await this.#packages.ready(id);
    return { id, version, target };
  }

  async #change(
    endpoint: string, instance: number, decide: (now: Operation | undefined, scene: Parameters<typeof software.begin>[1]) => Operation | undefined,
  ): Promise<Operation | undefined> {
    const record = await this.#turn.change(endpoint, (before, scene) => {
      const now = software.operationOf(before, instance);
      const next = decide(now, scene);
      return next === undefined || next === now ? before : (software.withOperation(before, next) ?? full());
    });
    return software.operationOf(record, instance);
  }
}

function isSame(operation: Operation, request: SoftwareRequest): boolean {
  const open = software.dueMs({ instances: [{ ...operation, untold: [], out: undefined }] }) !== undefined;
  return open && operation.stage !== 'cancelling' && operation.package?.id === request.package && operation.state === request.state
    && operation.delivery === request.delivery && operation.install === request.install;
}

function changing(operation: Operation | undefined): Operation {
  if (operation === undefined) throw new ApiError(409, 'SOFTWARE_CHANGING', 'The device changes what is installed, or is about to: nobody can stop it');
  return operation;
}

function full(): never {
  throw new ApiError(409, 'SOFTWARE_FULL', 'Operations on as many instances of the device are under way as are kept');
}

function softwareUnknown(endpoint: string, instance: number): ApiError {
  return new ApiError(404, 'SOFTWARE_UNKNOWN', 'Nothing was done to that software of the endpoint', { detail: `${endpoint} /9/${instance}` });
}

/** The operation as REST shows it. */
function softwareView(endpoint: string, operation: Operation): SoftwareView {
  const { instance, state, package: wanted, device, by, out } = operation;
  const told = { state: device.state, result: device.result, active: device.active, name: device.name, version: device.version };
  return {
    endpoint, instance, operation: operation.id, state,
    ...(wanted === undefined ? {} : { package: wanted.id, version: wanted.version }),
    stage: operation.stage, since: new Date(operation.sinceMs).toISOString(), startedAt: new Date(operation.startedAtMs).toISOString(), reason: operation.reason,
    ...(operation.failure === undefined ? {} : { failure: operation.failure }),
    ...(by === undefined ? {} : { delivery: by.method }),
    device: Object.fromEntries(Object.entries(told).filter(([, value]) => value !== undefined)),
    ...(out === undefined ? {} : { commandId: software.softwareCommandId(operation.id, out.step) }),
  };
}
