/** Updates as operators want and see them. */
import { Injectable } from '@nestjs/common';
import type { FirmwareRequest, FirmwareUpdatePage, FirmwareUpdatesQuery, FirmwareView } from '@cluster/contracts';
import { firmware } from '@cluster/lwm2m';
import { ApiError, fromCursor, toCursor } from '@cluster/nest-kit';
import type { FirmwareDeps } from '../options.ts';
import { PackageDesk } from '../packages/package-desk.ts';
import { deviceTraits } from './device-traits.ts';
import { newUpdateId, UpdateTurn } from './update-turn.ts';

@Injectable()
export class UpdateDesk {
  readonly #packages: PackageDesk;
  readonly #turn: UpdateTurn;
  readonly #deps: Pick<FirmwareDeps, 'sessions' | 'updates' | 'links'>;

  constructor(packages: PackageDesk, turn: UpdateTurn, deps: Pick<FirmwareDeps, 'sessions' | 'updates' | 'links'>) {
    this.#packages = packages;
    this.#turn = turn;
    this.#deps = deps;
  }

  /** Begins the update of a device, in place of one that has not come to the installation. The same request twice is one update. */
  async set(endpoint: string, request: FirmwareRequest): Promise<FirmwareView> {
    const { version, target = {} } = await this.#packages.ready(request.package);
    const device = await deviceTraits(this.#deps.sessions, endpoint);
    if (device === undefined) throw new ApiError(404, 'ENDPOINT_UNKNOWN', 'No such endpoint is known', { detail: endpoint });
    const { objectVersion, secure } = device;
    // It may hold the password of an APN (/11/x/6), which is never stored in the clear.
    if (request.keep?.includes('/11') === true && this.#deps.links === undefined) throw secretsMissing();
    const desired = { id: newUpdateId(), package: { id: request.package, version, target }, request, objectVersion, secure };
    const superseded = await this.#turn.change(endpoint, (now, { nowMs }) => (now && !isSame(now, request) ? installing(firmware.onSuperseded(now, nowMs)) : undefined));
    await this.#turn.tellAll(endpoint);
    const update = superseded && isSame(superseded, request) ? superseded : await this.#turn.change(endpoint, (now, scene) => told(now) && firmware.begin(desired, scene));
    return updateView(endpoint, update!);
  }

  /** @throws {ApiError} 404 */
  async show(endpoint: string): Promise<FirmwareView> {
    const [stored] = await this.#deps.updates.loadUpdates([endpoint]);
    if (stored === undefined) throw updateUnknown(endpoint);
    return updateView(endpoint, firmware.decodeUpdate(stored.record));
  }

  /** A page may have few updates though others follow: one that only a newer version can read is left out. */
  async list({ limit, cursor, stage, outcome }: FirmwareUpdatesQuery): Promise<FirmwareUpdatePage> {
    const wanted = stage ?? outcome;
    // One more than asked for tells whether there is a next page.
    const found = await this.#deps.updates.listUpdates({ limit: limit + 1, after: fromCursor(cursor), stages: wanted === undefined ? undefined : [wanted] });
    const page = found.slice(0, limit);
    const last = page.at(-1);
    return {
      updates: page.flatMap(({ endpoint, record }) => viewIfReadable(endpoint, record)),
      ...(found.length > limit && last !== undefined ? { next: toCursor(last.endpoint) } : {}),
    };
  }

  /** Cancels what has not come to the installation. @throws {ApiError} 404, 409 */
  async cancel(endpoint: string): Promise<FirmwareView> {
    const update = await this.#turn.change(endpoint, (now, scene) => now && installing(firmware.onCancel(now, scene)));
    if (update === undefined) throw updateUnknown(endpoint);
    return updateView(endpoint, update);
  }
}

function isSame(update: firmware.FirmwareUpdate, request: FirmwareRequest): boolean {
  return !firmware.isOver(update) && update.stage !== 'cancelling' && update.package.id === request.package && update.delivery === request.delivery
    && String(update.keep?.paths ?? []) === String(request.keep ?? []);
}

function installing(update: firmware.FirmwareUpdate | undefined): firmware.FirmwareUpdate {
  if (update === undefined) throw new ApiError(409, 'FIRMWARE_INSTALLING', 'The device installs, or is about to: nobody can stop it');
  return update;
}

/** What is not told yet of an update is told before another one takes its place. */
export function told(update: firmware.Progress | undefined): true {
  if (update !== undefined && update.untold.length > 0) throw new ApiError(503, 'EVENTS_UNAVAILABLE', 'The broker is away: what became of the last update could not be told');
  return true;
}

function secretsMissing(): ApiError {
  return new ApiError(503, 'SECRETS_MISSING', 'The server has no secret file', { detail: '/11 can not be kept: LWM2M_SECRET_KEY_FILE is not set' });
}

function updateUnknown(endpoint: string): ApiError {
  return new ApiError(404, 'FIRMWARE_UNKNOWN', 'The endpoint has had no update', { detail: endpoint });
}

/** The update as REST shows it. */
function updateView(endpoint: string, update: firmware.FirmwareUpdate): FirmwareView {
  const { device: { state, result, version }, by, out, failure, keep } = update;
  return {
    endpoint, update: update.id, package: update.package.id, version: update.package.version, stage: update.stage,
    since: new Date(update.sinceMs).toISOString(), startedAt: new Date(update.startedAtMs).toISOString(), reason: update.reason,
    ...(failure === undefined ? {} : { failure }),
    ...(by === undefined ? {} : { delivery: by.method }),
    device: { ...(state === undefined ? {} : { state }), ...(result === undefined ? {} : { result }), ...(version === undefined ? {} : { version }) },
    ...(keep === undefined ? {} : { keep: { exported: keep.exported.map(({ path }) => path), restored: keep.exported.slice(0, keep.restored).map(({ path }) => path) } }),
    ...(out === undefined ? {} : { commandId: firmware.firmwareCommandId(update.id, out.step) }),
  };
}

function viewIfReadable(endpoint: string, record: string): FirmwareView[] {
  try {
    return [updateView(endpoint, firmware.decodeUpdate(record))];
  } catch (error) {
    if (error instanceof firmware.FirmwareUpdateUnreadable) return [];
    throw error;
  }
}
