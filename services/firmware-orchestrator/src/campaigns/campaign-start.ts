/**
 * Begins the update of one device of a campaign, or goes on where a process died that was about to: the update's id is made
 * of the campaign and the attempt, so it is begun once.
 */
import { afterUpdate, busy, type Campaign, type CampaignDevice, campaignUpdateId, ended, type UpdateStand } from '@cluster/fleet';
import { firmware } from '@cluster/lwm2m';
import { deviceTraits } from '../updates/device-traits.ts';
import type { CampaignDeps } from './campaign-deps.ts';
import type { CampaignSelection } from './campaign-selection.ts';

type Deps = Pick<CampaignDeps, 'sessions' | 'updates' | 'turn'>;

/** Where an update stands, for the attempt of its campaign. */
export function standOf(attempt: number, { stage, reason, sinceMs, failure, device: { result } }: firmware.FirmwareUpdate): UpdateStand {
  return { attempt, stage, reason, atMs: sinceMs, failure, result };
}

export class CampaignStart {
  readonly #deps: Deps;
  readonly #selection: Pick<CampaignSelection, 'isNewer'>;

  constructor(deps: Deps, selection: Pick<CampaignSelection, 'isNewer'>) {
    this.#deps = deps;
    this.#selection = selection;
  }

  /** Where the device stands then. */
  async begin(id: string, campaign: Campaign, endpoint: string, device: CampaignDevice): Promise<CampaignDevice> {
    const nowMs = await this.#deps.sessions.timeMs();
    const traits = await deviceTraits(this.#deps.sessions, endpoint);
    if (traits === undefined) return ended(device, 'skipped', 'no such endpoint is known', nowMs);
    const own = campaignUpdateId(id, endpoint, device.attempt);
    const blocked = await this.#makeRoom(own, campaign, endpoint, device, nowMs);
    if (blocked !== undefined) return blocked;
    const { request: { delivery, force, downloadTimeoutS, updateTimeoutS, currentVersions }, package: wanted } = campaign;
    const desired: firmware.DesiredFirmware = {
      id: own, package: wanted, request: { delivery, force, downloadTimeoutS, updateTimeoutS }, objectVersion: traits.objectVersion, secure: traits.secure,
      // One that is tried again may have come to another version meanwhile.
      fromVersions: device.attempt === 1 ? currentVersions : undefined,
    };
    await this.#deps.turn.tellAll(endpoint);
    const update = await this.#deps.turn.change(endpoint, (now, scene) => (now === undefined || isDone(now) ? beginOnce(now, desired, scene) : now));
    if (update?.id !== own) return busy(device, 'another update came first', nowMs);
    return afterUpdate(campaign, device, standOf(device.attempt, update), nowMs) ?? device;
  }

  /** Takes the place of the update that is under way, if this campaign may; else where the device goes. */
  async #makeRoom(own: string, campaign: Campaign, endpoint: string, device: CampaignDevice, nowMs: number): Promise<CampaignDevice | undefined> {
    const [stored] = await this.#deps.updates.loadUpdates([endpoint]);
    const present = stored && firmware.decodeUpdate(stored.record);
    if (present === undefined || present.id === own || firmware.isOver(present)) return undefined;
    if (await this.#selection.isNewer(present.id, campaign)) return ended(device, 'superseded', 'a newer campaign updates the device', nowMs);
    if (!campaign.request.supersede) return busy(device, 'the device has another update, which is waited for', nowMs);
    const left = await this.#deps.turn.change(endpoint, (now, scene) => (now?.id === present.id ? firmware.onSuperseded(now, scene.nowMs) : undefined));
    return left === undefined || firmware.isOver(left) ? undefined : busy(device, 'the device installs another package, which is waited for', nowMs);
  }
}

/** What became of it is told, too. */
function isDone(update: firmware.FirmwareUpdate): boolean {
  return firmware.isOver(update) && update.untold.length === 0;
}

function beginOnce(now: firmware.FirmwareUpdate | undefined, desired: firmware.DesiredFirmware, scene: firmware.FirmwareScene): firmware.FirmwareUpdate {
  return now?.id === desired.id ? now : firmware.begin(desired, scene);
}
