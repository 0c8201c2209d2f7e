/**
 * Carries one campaign on, step by step, while its orchestrator holds it. The record and the devices that begin are stored
 * together, under the record's version: whoever else believes to hold the campaign begins nothing beside it. All that a step
 * does may be done again by another orchestrator.
 */
import {
  advance, allowance, type Campaign, campaignUpdateId, campaignView, CampaignUnreadable, cellsWithRoom, closed, decodeCampaign, decodeCampaignDevice, detailOf, encodeCampaign,
  encodeCampaignDevice, isCampaignOver, isClosing, moveEach, type NextDevice, placeOf, startDevices, type StoredDevice, tallyOf, type Buckets,
  type CampaignDevice, type CampaignPlace, type Tally,
} from '@cluster/fleet';
import { EventsUnavailable } from '@cluster/events';
import type { JobWork, Log, Progress } from '@cluster/nest-kit';
import type { CampaignDeps } from './campaign-deps.ts';
import { CampaignRound } from './campaign-round.ts';
import { CampaignSelection } from './campaign-selection.ts';
import { CampaignStart } from './campaign-start.ts';

const PAGE = 500;
/** Devices that are begun in one step. */
const BATCH = 64;
const IN_PARALLEL = 16;
/** Values of the label that are looked at for devices that are held, in one step. */
const CELLS = 32;
const HELD_OF_A_CELL = 8;
/** How long a campaign that ended is kept for readers. */
const KEEP_MS = 30 * 86_400_000;
const TELL_AGAIN_MS = 5_000;

const NOT_BEGUN: ReadonlySet<CampaignPlace> = new Set(['waiting', 'woken', 'held', 'retry', 'asleep']);

/** A campaign as a step found it. */
interface Scene {
  readonly version: number;
  readonly campaign: Campaign;
  readonly buckets: Buckets;
  readonly tally: Tally;
  readonly nowMs: number;
}

/** What a runner carries campaigns on by. */
export function campaignWork(deps: CampaignDeps, log: Log): JobWork {
  return { jobs: deps.campaigns, turn: (id) => new CampaignTurn(id, deps, log), isUnreadable: (error) => error instanceof CampaignUnreadable };
}

export class CampaignTurn {
  readonly #id: string;
  readonly #deps: CampaignDeps;
  readonly #log: Log;
  readonly #selection: CampaignSelection;
  readonly #start: CampaignStart;
  readonly #round: CampaignRound;
  #tellAgainMs = 0;
  /** The value of the label after which held devices are looked for. */
  #cellAfter = '';

  constructor(id: string, deps: CampaignDeps, log: Log) {
    this.#id = id;
    this.#deps = deps;
    this.#log = log;
    this.#selection = new CampaignSelection(deps);
    this.#start = new CampaignStart(deps, this.#selection);
    this.#round = new CampaignRound(id, deps);
  }

  async step(): Promise<Progress> {
    const { campaigns, sessions, metrics } = this.#deps;
    const stored = await campaigns.loadJob(this.#id);
    if (stored === undefined) return this.#over();
    const campaign = decodeCampaign(stored.record);
    metrics.stands(this.#id, campaign.state);
    const buckets = await campaigns.countDevices(this.#id);
    const scene: Scene = { version: stored.version, campaign, buckets, tally: tallyOf(buckets), nowMs: await sessions.timeMs() };
    const changed = await this.#keepRecord(scene);
    if (changed !== undefined) return changed;
    if (campaign.selecting !== undefined) return campaign.state === 'running' || campaign.state === 'aborting' ? this.#select(scene) : 'idle';
    if (scene.tally.at.starting > 0) return this.#beginStarting(scene);
    const closing = await this.#close(scene);
    const started = closing || (await this.#startNext(scene));
    return (await this.#round.look(campaign, buckets, scene.nowMs)) || started ? 'busy' : 'idle';
  }

  /** Tells and changes what is due of the record itself; undefined: nothing is. */
  async #keepRecord(scene: Scene): Promise<Progress | undefined> {
    const { campaign, version, tally, nowMs } = scene;
    if (campaign.untold !== undefined && (isCampaignOver(campaign) || nowMs >= this.#tellAgainMs) && (await this.#tell(scene))) return 'busy';
    if (isCampaignOver(campaign)) return this.#over();
    const next = advance(campaign, tally, { nowMs, sequence: version + 1 });
    return next === campaign ? undefined : this.#change(version, next);
  }

  /**
   * Tells the campaign's state. Without a broker it goes on, and is told later; but it is not over before its end is told.
   * False: it could not be told.
   */
  async #tell({ campaign, version, tally, nowMs }: Scene): Promise<boolean> {
    const { untold, ...told } = campaign;
    if (untold === undefined) return true;
    try {
      await this.#deps.events.tell(campaignView(this.#id, campaign, tally, nowMs), untold);
    } catch (error) {
      if (isCampaignOver(campaign) || !(error instanceof EventsUnavailable)) throw error;
      this.#tellAgainMs = nowMs + TELL_AGAIN_MS;
      return false;
    }
    await this.#change(version, told);
    return true;
  }

  async #over(): Promise<Progress> {
    this.#deps.metrics.left(this.#id);
    await this.#deps.campaigns.retireJob(this.#id, KEEP_MS);
    return 'over';
  }

  /** A change that met another one is decided again on what is there now. */
  async #change(version: number, next: Campaign): Promise<Progress> {
    await this.#deps.campaigns.changeJob(this.#id, version, encodeCampaign(next));
    return 'busy';
  }

  /** Enters the next page of devices. The cursor follows them: a page that is taken again enters nobody twice. */
  async #select({ campaign, version, nowMs }: Scene): Promise<Progress> {
    const { selecting, ...rest } = campaign;
    if (campaign.state === 'aborting') return this.#change(version, rest);
    const { endpoints, next } = await this.#selection.page(campaign, selecting?.after, PAGE);
    await this.#selection.enter(this.#id, campaign, endpoints, nowMs);
    return this.#change(version, next === undefined ? rest : { ...rest, selecting: { after: next } });
  }

  /** Ends devices that have not begun, where the campaign is aborted or its time is over. True: there may be more. */
  async #close({ campaign, buckets, nowMs }: Scene): Promise<boolean> {
    if (!isClosing(campaign, nowMs)) return false;
    const page = await this.#listed(Object.keys(buckets).filter((bucket) => NOT_BEGUN.has(placeOf(bucket))), PAGE);
    await this.#moveEach(page, async (_, device) => closed(campaign, device, nowMs));
    return page.length > 0;
  }

  /** Begins the next devices, as many as caps, wave and windows allow. True: some went on. */
  async #startNext({ campaign, version, buckets, tally, nowMs }: Scene): Promise<boolean> {
    const { places, fresh } = allowance(campaign, tally, nowMs);
    if (places <= 0) return false;
    const next = await this.#present(await this.#nextDevices(campaign, buckets, tally, fresh, nowMs));
    const start = startDevices(campaign, tally, next.map(({ endpoint, device, presence }) => ({ endpoint, device, presence })), nowMs);
    if (start.moved.length === 0) return false;
    const stands = new Map(next.map(({ endpoint, value }) => [endpoint, value]));
    const moves = start.moved.map(({ endpoint, device }) => ({ endpoint, expected: stands.get(endpoint), next: encodeCampaignDevice(endpoint, device) }));
    // Devices that are about to begin are begun by the next step, or by whoever takes it.
    await this.#deps.campaigns.advanceJob(this.#id, version, encodeCampaign(start.campaign), moves);
    return true;
  }

  /** Those that woke, or are tried again, go before those whose turn it is for the first time. */
  async #nextDevices(campaign: Campaign, buckets: Buckets, tally: Tally, fresh: number, nowMs: number): Promise<StoredDevice[]> {
    const of = (place: CampaignPlace) => Object.keys(buckets).filter((bucket) => placeOf(bucket) === place);
    const again = of('retry').filter((bucket) => Number(detailOf(bucket)) <= nowMs);
    const found = await this.#listed(['woken', ...again], BATCH);
    for (const bucket of this.#heldWithRoom(campaign, of('held'), tally, nowMs)) found.push(...(await this.#listed([bucket], Math.min(HELD_OF_A_CELL, BATCH - found.length))));
    const waiting = of('waiting').toSorted((a, b) => Number(detailOf(a)) - Number(detailOf(b)));
    return [...found, ...(await this.#listed(waiting, Math.min(BATCH - found.length, fresh)))];
  }

  /** Values of the label in turn, so that none is passed over for ever. */
  #heldWithRoom(campaign: Campaign, held: readonly string[], tally: Tally, nowMs: number): string[] {
    const open = new Set(cellsWithRoom(campaign, tally, held.map(detailOf), nowMs));
    return this.#inTurn(held.filter((bucket) => open.has(detailOf(bucket))).toSorted());
  }

  #inTurn(open: readonly string[]): string[] {
    const from = open.findIndex((bucket) => bucket > this.#cellAfter);
    const turn = [...open.slice(Math.max(from, 0)), ...open.slice(0, Math.max(from, 0))].slice(0, CELLS);
    this.#cellAfter = turn.at(-1) ?? '';
    return turn;
  }

  /** Devices of these buckets, in their order. */
  async #listed(buckets: readonly string[], limit: number): Promise<StoredDevice[]> {
    const found: StoredDevice[] = [];
    for (const bucket of buckets) {
      if (found.length >= limit) break;
      found.push(...(await this.#deps.campaigns.listDevices(this.#id, { bucket, limit: limit - found.length })));
    }
    return found.filter(({ value }) => value !== '');
  }

  async #present(devices: readonly StoredDevice[]): Promise<(NextDevice & StoredDevice)[]> {
    const traits = devices.length === 0 ? [] : await this.#deps.northbound.traits(devices.map(({ endpoint }) => endpoint));
    return devices.map((one, i) => {
      const known = traits[i];
      return { ...one, device: decodeCampaignDevice(one.value), presence: known === undefined ? 'gone' : known.listening ? 'awake' : 'away' };
    });
  }

  /** Begins the updates of devices that are about to begin. */
  async #beginStarting({ campaign, buckets }: Scene): Promise<Progress> {
    const starting = await this.#listed(Object.keys(buckets).filter((bucket) => placeOf(bucket) === 'starting'), BATCH);
    let failed = 0;
    await this.#moveEach(starting, (endpoint, device) =>
      this.#start.begin(this.#id, campaign, endpoint, device).catch((error: unknown) => {
        failed += 1;
        this.#log.warn({ err: error, endpoint, update: campaignUpdateId(this.#id, endpoint, device.attempt) }, 'an update of a campaign could not be begun; trying again');
        return undefined;
      }),
    );
    return failed > 0 ? 'idle' : 'busy';
  }

  #moveEach(devices: readonly StoredDevice[], decide: (endpoint: string, device: CampaignDevice) => Promise<CampaignDevice | undefined>): Promise<void> {
    return moveEach(this.#deps.campaigns, this.#id, devices, IN_PARALLEL, async (endpoint, value) => {
      const next = await decide(endpoint, decodeCampaignDevice(value));
      return next && encodeCampaignDevice(endpoint, next);
    });
  }
}

