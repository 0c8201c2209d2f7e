/**
 * Goes round the devices of a campaign that wait for something, a page at a time: what no event told is found out, and who
 * was waited for long enough is given up.
 */
import {
  afterUpdate, type Buckets, type Campaign, campaignUpdateId, type CampaignDevice, decodeCampaignDevice, encodeCampaignDevice, ended, givenUp, placeOf,
  type StoredDevice, woken,
} from '@cluster/fleet';
import { firmware } from '@cluster/lwm2m';
import type { CampaignDeps } from './campaign-deps.ts';
import { standOf } from './campaign-start.ts';

const PAGE = 256;
const LOOK_EVERY_MS = 5_000;
const CANCEL_EVERY_MS = 1_000;
/** A round takes a tenth of the time at most. */
const REST_AFTER_LOOK = 9;
/** The end of an update that another one took the place of is told within that time. */
const OVERDUE_MS = 120_000;

export class CampaignRound {
  readonly #id: string;
  readonly #deps: Pick<CampaignDeps, 'campaigns' | 'updates' | 'northbound' | 'turn' | 'metrics'>;
  /** Where the round stands, and when the next one begins. */
  #at: { readonly bucket: string; readonly after: string | undefined } | undefined;
  #beganMs = 0;
  #nextMs = 0;

  constructor(id: string, deps: Pick<CampaignDeps, 'campaigns' | 'updates' | 'northbound' | 'turn' | 'metrics'>) {
    this.#id = id;
    this.#deps = deps;
  }

  /** True: the round goes on. */
  async look(campaign: Campaign, buckets: Buckets, nowMs: number): Promise<boolean> {
    if (this.#at === undefined && nowMs < this.#nextMs) return false;
    if (this.#at === undefined) this.#beganMs = nowMs;
    const all = Object.keys(buckets).filter((bucket) => placeOf(bucket) === 'asleep' || placeOf(bucket) === 'running').toSorted();
    const bucket = all.find((one) => one >= (this.#at?.bucket ?? ''));
    if (bucket === undefined) return this.#rest(campaign, nowMs);
    const after = this.#at?.bucket === bucket ? this.#at.after : undefined;
    const page = await this.#deps.campaigns.listDevices(this.#id, { bucket, limit: PAGE, ...(after === undefined ? {} : { after }) });
    await (placeOf(bucket) === 'asleep' ? this.#wake(campaign, page, nowMs) : this.#followUpdates(campaign, page, nowMs));
    const next = all[all.indexOf(bucket) + 1];
    if (page.length === PAGE) this.#at = { bucket, after: page.at(-1)!.endpoint };
    else if (next !== undefined) this.#at = { bucket: next, after: undefined };
    else return this.#rest(campaign, nowMs);
    return true;
  }

  #rest({ state }: Campaign, nowMs: number): false {
    this.#at = undefined;
    this.#nextMs = nowMs + (state === 'aborting' ? CANCEL_EVERY_MS : Math.max(LOOK_EVERY_MS, REST_AFTER_LOOK * (nowMs - this.#beganMs)));
    return false;
  }

  async #wake(campaign: Campaign, page: readonly StoredDevice[], nowMs: number): Promise<void> {
    const traits = page.length === 0 ? [] : await this.#deps.northbound.traits(page.map(({ endpoint }) => endpoint));
    await this.#move(page, (device, i) => (traits[i]?.listening === true ? woken(device, nowMs) : givenUp(campaign, device, nowMs)));
  }

  async #followUpdates(campaign: Campaign, page: readonly StoredDevice[], nowMs: number): Promise<void> {
    if (campaign.state === 'aborting') await this.#cancel(page);
    const updates = page.length === 0 ? [] : await this.#deps.updates.loadUpdates(page.map(({ endpoint }) => endpoint));
    await this.#move(page, (device, i) => {
      const update = updates[i] && firmware.decodeUpdate(updates[i].record);
      if (update?.id === campaignUpdateId(this.#id, page[i]!.endpoint, device.attempt)) return afterUpdate(campaign, device, standOf(device.attempt, update), nowMs);
      return nowMs - device.sinceMs < OVERDUE_MS ? undefined : ended(device, 'superseded', 'another update took its place', nowMs);
    });
  }

  /** Cancels the updates that have not come to the installation. */
  async #cancel(page: readonly StoredDevice[]): Promise<void> {
    for (const { endpoint, value } of page) {
      const own = campaignUpdateId(this.#id, endpoint, decodeCampaignDevice(value).attempt);
      await this.#deps.turn.change(endpoint, (now, scene) => (now?.id === own ? firmware.onCancel(now, scene) : undefined));
    }
  }

  async #move(page: readonly StoredDevice[], decide: (device: CampaignDevice, i: number) => CampaignDevice | undefined): Promise<void> {
    const moves = page.flatMap(({ endpoint, value }, i) => {
      const next = value === '' ? undefined : decide(decodeCampaignDevice(value), i);
      return next === undefined ? [] : [{ endpoint, expected: value, next: encodeCampaignDevice(endpoint, next) }];
    });
    if (moves.length > 0) await this.#deps.campaigns.moveDevices(this.#id, moves);
  }
}
