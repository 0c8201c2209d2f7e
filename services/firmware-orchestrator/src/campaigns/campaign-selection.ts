/**
 * Selects the devices of a campaign, page by page, and settles which campaign has a device that several select: the one that
 * supersedes and is newer, else the one that was there first. Each enters its devices before it looks at those of the others,
 * so of two that select at once at least one sees the other, and both come to the same end.
 */
import {
  type Campaign, campaignOfUpdate, type CampaignDevice, decodeCampaign, decodeCampaignDevice, encodeCampaignDevice, ended, hasEnded, isCampaignOver, isSelected,
  isUnderWay, type JobStore, type StoredJob,
} from '@cluster/fleet';
import type { CampaignDeps } from './campaign-deps.ts';

const VERSION_PATH = '/3/0/3';
/** Devices whose last values are read at a time. */
const READ_TOGETHER = 32;

interface Rival {
  readonly id: string;
  readonly campaign: Campaign;
}

/** A page of what is selected. */
export interface SelectedPage {
  readonly endpoints: readonly string[];
  readonly next: string | undefined;
}

export class CampaignSelection {
  readonly #deps: Pick<CampaignDeps, 'campaigns' | 'selection' | 'model' | 'northbound'>;

  constructor(deps: Pick<CampaignDeps, 'campaigns' | 'selection' | 'model' | 'northbound'>) {
    this.#deps = deps;
  }

  /** Looks at `limit` candidates: a page may have few devices, or none, though others follow. */
  async page({ selector, tenant, request }: Pick<Campaign, 'selector' | 'tenant' | 'request'>, after: string | undefined, limit: number): Promise<SelectedPage> {
    const { endpoints, next } = await this.#deps.selection.page(selector, after, limit, tenant);
    return { endpoints: request.currentVersions === undefined ? endpoints : await this.#running(endpoints, request.currentVersions), next };
  }

  /** Enters devices into a campaign; those that are in it already stay where they are. */
  async enter(id: string, campaign: Campaign, endpoints: readonly string[], nowMs: number): Promise<void> {
    if (endpoints.length === 0) return;
    const traits = await this.#deps.northbound.traits(endpoints);
    const label = campaign.request.perLabel?.label;
    const devices = endpoints.map((endpoint, i): [string, CampaignDevice] => {
      const cell = label === undefined ? undefined : traits[i]?.labels[label];
      return [endpoint, { place: 'waiting', sinceMs: nowMs, attempt: 0, ...(cell === undefined ? {} : { cell }) }];
    });
    await this.#deps.campaigns.moveDevices(id, devices.map(([endpoint, device]) => ({ endpoint, expected: undefined, next: encodeCampaignDevice(endpoint, device) })));
    for (const rival of await this.#rivals(id)) await this.#settle({ id, campaign }, rival, endpoints, nowMs);
  }

  /** The first campaign that has some of these devices, with one of them; undefined: none has. */
  async overlap(endpoints: readonly string[]): Promise<{ campaign: string; endpoint: string } | undefined> {
    const rivals = endpoints.length === 0 ? [] : await this.#rivals(undefined);
    const traits = rivals.length === 0 ? [] : await this.#deps.northbound.traits(endpoints);
    for (const { id, campaign } of rivals) {
      const chosen = endpoints.filter((_, i) => {
        const known = traits[i];
        return known !== undefined && (campaign.tenant ?? known.tenant) === known.tenant && isSelected(known, campaign.selector);
      });
      const stand = chosen.length === 0 ? [] : await this.#deps.campaigns.loadDevices(id, chosen);
      // One that it has not come to yet is as good as its own.
      const at = stand.findIndex((value) => (value === undefined ? campaign.selecting !== undefined : !hasEnded(decodeCampaignDevice(value))));
      if (at >= 0) return { campaign: id, endpoint: chosen[at]! };
    }
    return undefined;
  }

  /** Whether the campaign of an update is newer than this one. */
  async isNewer(update: string, than: Campaign): Promise<boolean> {
    const other = campaignOfUpdate(update)?.campaign;
    const stored = other === undefined ? undefined : await this.#deps.campaigns.loadJob(other);
    return stored !== undefined && decodeCampaign(stored.record).createdAtMs > than.createdAtMs;
  }

  /** Of these endpoints those whose last known version is one of these, or not known. */
  async #running(endpoints: readonly string[], versions: readonly string[]): Promise<string[]> {
    const found: string[] = [];
    for (let at = 0; at < endpoints.length; at += READ_TOGETHER) {
      const some = endpoints.slice(at, at + READ_TOGETHER);
      const values = await Promise.all(some.map((endpoint) => this.#deps.model.values(endpoint)));
      found.push(...some.filter((_, i) => {
        const version = versionOf(values[i]?.find(({ path }) => path === VERSION_PATH)?.json);
        return version === undefined || versions.includes(version);
      }));
    }
    return found;
  }

  /** The other campaigns that are not over. */
  async #rivals(id: string | undefined): Promise<Rival[]> {
    const { campaigns } = this.#deps;
    const ids = (await campaigns.activeJobs()).filter((other) => other !== id);
    const stored = await Promise.all(ids.map((other) => campaigns.loadJob(other)));
    return stored.filter((one): one is StoredJob => one !== undefined).map(({ id: other, record }) => ({ id: other, campaign: decodeCampaign(record) }))
      .filter(({ campaign }) => !isCampaignOver(campaign));
  }

  async #settle(one: Rival, other: Rival, endpoints: readonly string[], nowMs: number): Promise<void> {
    const isFirst = one.campaign.createdAtMs < other.campaign.createdAtMs || (one.campaign.createdAtMs === other.campaign.createdAtMs && one.id < other.id);
    const [older, newer] = isFirst ? [one, other] : [other, one];
    const { campaigns } = this.#deps;
    const [inOlder, inNewer] = await Promise.all([campaigns.loadDevices(older.id, endpoints), campaigns.loadDevices(newer.id, endpoints)]);
    const both = endpoints.flatMap((endpoint, i) => (isOpen(inOlder[i]) && isOpen(inNewer[i]) ? [{ endpoint, older: inOlder[i]!, newer: inNewer[i]! }] : []));
    const supersedes = newer.campaign.request.supersede;
    const loser = supersedes ? older : newer;
    await endWaiting(campaigns, loser.id, both.map(({ endpoint, ...values }) => ({ endpoint, value: supersedes ? values.older : values.newer })), (device) =>
      supersedes ? ended(device, 'superseded', `campaign ${newer.id} took it over`, nowMs) : ended(device, 'skipped', `campaign ${older.id} has it`, nowMs),
    );
  }
}

/** Ends devices that have not begun. One that is under way ends with its update, which the newer campaign takes the place of. */
async function endWaiting(
  campaigns: JobStore, id: string, devices: readonly { readonly endpoint: string; readonly value: string }[], end: (device: CampaignDevice) => CampaignDevice,
): Promise<void> {
  const waiting = devices.map(({ endpoint, value }) => ({ endpoint, value, device: decodeCampaignDevice(value) })).filter(({ device }) => !isUnderWay(device));
  if (waiting.length === 0) return;
  await campaigns.moveDevices(id, waiting.map(({ endpoint, value, device }) => ({ endpoint, expected: value, next: encodeCampaignDevice(endpoint, end(device)) })));
}

function isOpen(value: string | undefined): boolean {
  return value !== undefined && !hasEnded(decodeCampaignDevice(value));
}

function versionOf(json: string | undefined): string | undefined {
  const { value } = (json === undefined ? {} : JSON.parse(json)) as { value?: unknown };
  return typeof value === 'string' ? value : undefined;
}
