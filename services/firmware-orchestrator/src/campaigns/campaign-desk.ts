/** What callers do with campaigns: start, look at, pause, go on with, approve, abort. */
import { Injectable } from '@nestjs/common';
import type { CampaignDevicePage, CampaignDevicesQuery, CampaignPage, CampaignRequest, CampaignView, PageQuery } from '@cluster/contracts';
import {
  actOn, type Campaign, type CampaignAction, campaignDeviceView, campaignFaults, type CampaignTarget, campaignView, CampaignUnreadable, decodeCampaign,
  decodeCampaignDevice, encodeCampaign, findGroup, type GroupStore, isCampaignOf, type JobStore, newCampaign, placeOf, stateOfPlace, type StoredDevice, type StoredJob, tallyOf,
} from '@cluster/fleet';
import { ApiError, type Caller, checkChange, fromCursor, idempotentId, sees, toCursor } from '@cluster/nest-kit';
import { Contended } from '@cluster/session';
import type { PackageDesk } from '../packages/package-desk.ts';
import type { CampaignRunner } from './campaign-runner.ts';
import type { CampaignSelection } from './campaign-selection.ts';

const TRIES = 8;
/** Campaigns that are carried on at the same time. */
const ACTIVE_CAMPAIGNS = 20;
/** Candidates that are looked at before a campaign is taken. */
const SAMPLE = 1_000;

export interface CampaignDeskDeps {
  readonly campaigns: JobStore;
  readonly groups: Pick<GroupStore, 'group'>;
  readonly packages: PackageDesk;
  readonly selection: CampaignSelection;
  readonly runner: CampaignRunner;
  readonly timeMs: () => Promise<number>;
}

@Injectable()
export class CampaignDesk {
  readonly #deps: CampaignDeskDeps;

  constructor(deps: CampaignDeskDeps) {
    this.#deps = deps;
  }

  /** Stores the campaign; it runs from here on, on whichever orchestrator. One whose key was seen before is shown as it is. */
  async start(request: CampaignRequest, caller: Caller): Promise<CampaignView> {
    const { campaigns, runner, packages, timeMs } = this.#deps;
    const nowMs = await timeMs();
    const id = idempotentId(request.idempotencyKey, caller.ownTenant);
    const known = await campaigns.loadJob(id);
    if (known !== undefined) return this.#again(known, request);
    const faults = campaignFaults(request, nowMs);
    if (faults.length > 0) throw new ApiError(400, 'CAMPAIGN_MALFORMED', 'No such campaign could ever be carried out', { faults });
    const { version, size, target = {} } = await packages.ready(request.package);
    const campaign = newCampaign(request, { id: request.package, version, size, target }, await this.#target(request, caller), nowMs);
    if ((await campaigns.activeJobs()).length >= ACTIVE_CAMPAIGNS) throw new ApiError(429, 'CAMPAIGNS_FULL', 'As many campaigns as may run do', { retryAfterS: 60 });
    await this.#sample(campaign);
    const created = await campaigns.createJob(id, nowMs, encodeCampaign(campaign));
    runner.wake(id);
    return created ? this.show(id, caller) : this.#again(await this.#load(id), request);
  }

  /** A page may have few campaigns though others follow: those of other tenants are left out of it. */
  async list({ limit, cursor }: PageQuery, caller: Caller): Promise<CampaignPage> {
    const before = fromCursor(cursor);
    const page = await this.#deps.campaigns.jobs({ limit, ...(before === undefined ? {} : { before }) });
    // One that only a newer version can read is no reason to show none.
    const views = await Promise.all(page.jobs.map((one) => this.#view(one).catch(passOverUnreadable)));
    return { campaigns: views.filter((view) => view !== undefined).filter(({ tenant }) => caller.may('view', tenant)), ...(page.next === undefined ? {} : { next: toCursor(page.next) }) };
  }

  async show(id: string, caller: Caller): Promise<CampaignView> {
    return this.#view(await this.#seen(id, caller));
  }

  /** Devices in order of their buckets, and of their names in each. */
  async devices(id: string, { limit, cursor, state }: CampaignDevicesQuery, caller: Caller): Promise<CampaignDevicePage> {
    await this.#seen(id, caller);
    const { campaigns } = this.#deps;
    const [from = '', after] = fromCursor(cursor)?.split(' ', 2) ?? [];
    const buckets = Object.keys(await campaigns.countDevices(id)).filter((bucket) => bucket >= from && (state === undefined || stateOfPlace(placeOf(bucket)) === state)).toSorted();
    const found: (StoredDevice & { readonly bucket: string })[] = [];
    for (const bucket of buckets) {
      // One more than asked for tells whether there is a next page.
      const listed = await campaigns.listDevices(id, { bucket, limit: limit + 1 - found.length, ...(bucket === from && after !== undefined ? { after } : {}) });
      found.push(...listed.filter(({ value }) => value !== '').map((one) => ({ ...one, bucket })));
      if (found.length > limit) break;
    }
    const page = found.slice(0, limit);
    const last = page.at(-1);
    return {
      devices: page.map(({ endpoint, value }) => campaignDeviceView(id, endpoint, decodeCampaignDevice(value))),
      ...(found.length > limit && last !== undefined ? { next: toCursor(`${last.bucket} ${last.endpoint}`) } : {}),
    };
  }

  async act(id: string, action: CampaignAction, caller: Caller): Promise<CampaignView> {
    const { campaigns, runner, timeMs } = this.#deps;
    for (let attempt = 0; attempt < TRIES; attempt++) {
      const stored = await this.#seen(id, caller);
      const campaign = decodeCampaign(stored.record);
      checkChange(caller, 'operate', campaign, () => campaignUnknown(id));
      const tally = tallyOf(await campaigns.countDevices(id));
      const next = actOn(campaign, action, tally, { nowMs: await timeMs(), sequence: stored.version + 1 });
      if (next === undefined) throw new ApiError(409, 'CAMPAIGN_STATE', `The campaign is ${campaign.state}`, { detail: id });
      if (next === campaign) return this.#view(stored);
      if (!(await campaigns.changeJob(id, stored.version, encodeCampaign(next)))) continue;
      runner.wake(id);
      return this.show(id, caller);
    }
    throw new Contended(`campaign ${id} changed under every attempt`);
  }

  async #target({ target }: CampaignRequest, caller: Caller): Promise<CampaignTarget> {
    const tenant = caller.ownTenant;
    if (!('group' in target)) return { selector: target, tenant };
    const group = await findGroup(this.#deps.groups, target.group);
    if (group === undefined || !sees(caller, group)) throw new ApiError(404, 'GROUP_UNKNOWN', 'There is no such group', { detail: target.group });
    return { selector: group.selector, group: target.group, tenant: group.tenant ?? tenant };
  }

  /** Refuses what selects nobody, and what takes devices of another campaign without a word. */
  async #sample(campaign: Campaign): Promise<void> {
    const { selection } = this.#deps;
    const { endpoints, next } = await selection.page(campaign, undefined, SAMPLE);
    if (endpoints.length === 0 && next === undefined) throw new ApiError(422, 'CAMPAIGN_TARGETS_NONE', 'No device is selected');
    const other = campaign.request.supersede ? undefined : await selection.overlap(endpoints);
    if (other !== undefined) {
      throw new ApiError(409, 'CAMPAIGN_OVERLAPS', 'Another campaign has some of these devices', { detail: `Campaign ${other.campaign} has ${other.endpoint}; one with "supersede" takes devices over.` });
    }
  }

  #again(known: StoredJob, request: CampaignRequest): Promise<CampaignView> {
    if (!isCampaignOf(decodeCampaign(known.record), request)) {
      throw new ApiError(422, 'IDEMPOTENCY_KEY_REUSED', 'The idempotency key was used for another request', { detail: `Campaign ${known.id} has it, and is another one.` });
    }
    return this.#view(known);
  }

  async #load(id: string): Promise<StoredJob> {
    const stored = await this.#deps.campaigns.loadJob(id);
    if (stored === undefined) throw campaignUnknown(id);
    return stored;
  }

  /** A campaign over all tenants is for those to see who may see all of them. */
  async #seen(id: string, caller: Caller): Promise<StoredJob> {
    const stored = await this.#load(id);
    if (!caller.may('view', decodeCampaign(stored.record).tenant)) throw campaignUnknown(id);
    return stored;
  }

  async #view({ id, record }: StoredJob): Promise<CampaignView> {
    const { campaigns, timeMs } = this.#deps;
    return campaignView(id, decodeCampaign(record), tallyOf(await campaigns.countDevices(id)), await timeMs());
  }
}

function passOverUnreadable(error: unknown): undefined {
  if (!(error instanceof CampaignUnreadable)) throw error;
}

function campaignUnknown(id: string): ApiError {
  return new ApiError(404, 'CAMPAIGN_UNKNOWN', 'There is no such campaign', { detail: id });
}
