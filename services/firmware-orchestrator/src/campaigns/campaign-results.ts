/** Brings what updates and devices tell to their campaigns, whatever its order and however often it is told. */
import { Injectable } from '@nestjs/common';
import { eventTypes, firmwareChangedValue } from '@cluster/contracts';
import {
  afterUpdate, type Campaign, campaignOfUpdate, type CampaignDevice, decodeCampaign, decodeCampaignDevice, encodeCampaignDevice, type UpdateStand, woken,
} from '@cluster/fleet';
import type { ConsumedRecord } from '@cluster/events';
import { receivedEvent } from '@cluster/nest-kit';
import { Contended } from '@cluster/session';
import type { CampaignDeps } from './campaign-deps.ts';

interface ToldUpdate extends UpdateStand {
  readonly endpoint: string;
  readonly campaign: string;
}

const TRIES = 8;

@Injectable()
export class CampaignResults {
  readonly #deps: Pick<CampaignDeps, 'campaigns' | 'sessions'>;

  constructor(deps: Pick<CampaignDeps, 'campaigns' | 'sessions'>) {
    this.#deps = deps;
  }

  /** Takes records of lwm2m.firmware; those of no campaign, and what can not be read, are passed over. */
  async take(records: readonly ConsumedRecord[]): Promise<void> {
    const told = records.filter(({ headers }) => headers['ce_type'] === eventTypes.firmwareChanged).flatMap(toldUpdate);
    for (const [id, own] of Map.groupBy(told, ({ campaign }) => campaign)) await this.#settle(id, own);
  }

  /** Devices were heard: those that a campaign waits for are next. */
  async heard(endpoints: readonly string[]): Promise<void> {
    const { campaigns, sessions } = this.#deps;
    const names = [...new Set(endpoints)];
    if (names.length === 0) return;
    for (const id of await campaigns.activeJobs()) {
      const stands = await campaigns.loadDevices(id, names);
      const nowMs = await sessions.timeMs();
      const moves = names.flatMap((endpoint, i) => {
        const value = stands[i];
        const next = value === undefined ? undefined : woken(decodeCampaignDevice(value), nowMs);
        return next === undefined ? [] : [{ endpoint, expected: value, next: encodeCampaignDevice(endpoint, next) }];
      });
      if (moves.length > 0) await campaigns.moveDevices(id, moves);
    }
  }

  async #settle(id: string, told: readonly ToldUpdate[]): Promise<void> {
    const stored = await this.#deps.campaigns.loadJob(id);
    if (stored === undefined) return;
    const campaign = readable(stored.record);
    if (campaign === undefined) return;
    // What one device told comes in its order.
    const byDevice = Map.groupBy(told, ({ endpoint }) => endpoint);
    let left: ReadonlyMap<string, readonly ToldUpdate[]> = byDevice;
    for (let attempt = 0; attempt < TRIES && left.size > 0; attempt++) left = await this.#move(id, campaign, left);
    if (left.size > 0) throw new Contended(`devices of campaign ${id} moved under every attempt`);
  }

  /** Those that moved meanwhile are left. */
  async #move(id: string, campaign: Campaign, told: ReadonlyMap<string, readonly ToldUpdate[]>): Promise<Map<string, readonly ToldUpdate[]>> {
    const { campaigns, sessions } = this.#deps;
    const nowMs = await sessions.timeMs();
    const names = [...told.keys()];
    const stands = await campaigns.loadDevices(id, names);
    const moves = names.flatMap((endpoint, i) => {
      const value = stands[i];
      const device = value === undefined ? undefined : decodeCampaignDevice(value);
      const next = device && told.get(endpoint)!.reduce<CampaignDevice>((now, update) => afterUpdate(campaign, now, update, nowMs) ?? now, device);
      return next === undefined || next === device ? [] : [{ endpoint, expected: value, next: encodeCampaignDevice(endpoint, next) }];
    });
    const moved = moves.length === 0 ? [] : await campaigns.moveDevices(id, moves);
    return new Map(moves.filter((_, i) => moved[i] !== true).map(({ endpoint }) => [endpoint, told.get(endpoint)!]));
  }
}

/** One of a newer version is for others to carry on. */
function readable(record: string): Campaign | undefined {
  try {
    return decodeCampaign(record);
  } catch {
    return undefined;
  }
}

function toldUpdate(record: ConsumedRecord): ToldUpdate[] {
  try {
    const { endpoint, update, stage, reason, at, failure, result } = firmwareChangedValue.parse(receivedEvent(record).data);
    const place = campaignOfUpdate(update);
    return place === undefined ? [] : [{ endpoint, ...place, stage, reason, atMs: Date.parse(at), failure, result }];
  } catch {
    return [];
  }
}
