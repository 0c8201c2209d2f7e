/**
 * Which devices a campaign begins now, within its caps, waves and windows. Pure: the devices that may be next come in, where
 * each goes comes out, with the record that must be stored together with them.
 */
import { admittedAtMost } from './advance.ts';
import type { Campaign } from './campaign.ts';
import type { CampaignDevice } from './device.ts';
import { underWay, type Tally } from './tally.ts';
import { opensAt } from './windows.ts';

/** `away`: it sleeps, or is not registered; `gone`: the cluster does not know it. */
export type Presence = 'awake' | 'away' | 'gone';

/** A device that may be next. */
export interface NextDevice {
  readonly endpoint: string;
  readonly device: CampaignDevice;
  readonly presence: Presence;
}

export interface Start {
  readonly campaign: Campaign;
  /** Where devices go that do not stay where they are. */
  readonly moved: readonly { readonly endpoint: string; readonly device: CampaignDevice }[];
}

/** What may begin now. `fresh`: devices that may be let into the wave. */
export interface Allowance {
  readonly places: number;
  readonly fresh: number;
}

const NOTHING: Allowance = { places: 0, fresh: 0 };
/** What begins is evened out over a second, so that one look at a time is enough. */
const AHEAD_MS = 1_000;
/** Values of the label whose bandwidth is filled. Beyond it none is begun for a new value. */
const MOST_PAID_CELLS = 1_000;

export function mayBegin({ state, selecting, request: { windows, notBefore, notAfter } }: Campaign, nowMs: number): boolean {
  if (state !== 'running' || selecting !== undefined) return false;
  if (notBefore !== undefined && nowMs < Date.parse(notBefore)) return false;
  return (notAfter === undefined || nowMs < Date.parse(notAfter)) && opensAt(windows, nowMs) === nowMs;
}

export function allowance(campaign: Campaign, tally: Tally, nowMs: number): Allowance {
  if (!mayBegin(campaign, nowMs)) return NOTHING;
  const { request, wave, admitted } = campaign;
  const places = isPaid(campaign.paidUntilMs, nowMs) ? Math.max(0, request.maxConcurrent - underWay(tally)) : 0;
  const fresh = Math.max(0, admittedAtMost(request.waves[wave.index]!, admitted, tally.at.waiting) - admitted);
  return { places, fresh };
}

function isPaid(paidUntilMs: number, nowMs: number): boolean {
  return paidUntilMs <= nowMs + AHEAD_MS;
}

/** Why a label's value has no room. */
const FULL = 'as many devices of its label as may be are updated';
const PAID = 'the bandwidth of its label is filled';

/** Keeps the books while devices are begun one after the other. */
class Books {
  readonly #request: Campaign['request'];
  readonly #size: number;
  readonly #nowMs: number;
  readonly #cells: Map<string, number>;
  readonly #cellsPaid: Map<string, number>;
  paidUntilMs: number;
  places: number;
  fresh: number;

  constructor(campaign: Campaign, tally: Tally, nowMs: number) {
    this.#request = campaign.request;
    this.#size = campaign.package.size;
    this.#nowMs = nowMs;
    this.#cells = new Map(tally.cells);
    this.#cellsPaid = new Map(Object.entries(campaign.cellsPaidUntilMs).filter(([, untilMs]) => untilMs > nowMs));
    this.paidUntilMs = campaign.paidUntilMs;
    ({ places: this.places, fresh: this.fresh } = allowance(campaign, tally, nowMs));
  }

  get cellsPaidUntilMs(): Record<string, number> {
    return Object.fromEntries(this.#cellsPaid);
  }

  get hasRoom(): boolean {
    return this.places > 0 && isPaid(this.paidUntilMs, this.#nowMs);
  }

  /** Why no device of this label's value may begin now; undefined: one may. */
  whyHeld(cell: string): string | undefined {
    const { perLabel } = this.#request;
    if (perLabel === undefined) return undefined;
    if ((this.#cells.get(cell) ?? 0) >= (perLabel.maxConcurrent ?? Infinity)) return FULL;
    if (perLabel.bytesPerSecond === undefined) return undefined;
    const paid = this.#cellsPaid.get(cell);
    return isPaid(paid ?? 0, this.#nowMs) && (paid !== undefined || this.#cellsPaid.size < MOST_PAID_CELLS) ? undefined : PAID;
  }

  begin(cell: string): void {
    const { bytesPerSecond, perLabel } = this.#request;
    this.places -= 1;
    this.paidUntilMs = this.#pay(this.paidUntilMs, bytesPerSecond);
    this.#cells.set(cell, (this.#cells.get(cell) ?? 0) + 1);
    if (perLabel?.bytesPerSecond !== undefined) this.#cellsPaid.set(cell, this.#pay(this.#cellsPaid.get(cell) ?? 0, perLabel.bytesPerSecond));
  }

  #pay(paidUntilMs: number, bytesPerSecond: number | undefined): number {
    return bytesPerSecond === undefined ? paidUntilMs : Math.max(paidUntilMs, this.#nowMs) + (this.#size * 1_000) / bytesPerSecond;
  }
}

/** Of these values of the label those that have room for one more device. */
export function cellsWithRoom(campaign: Campaign, tally: Tally, cells: readonly string[], nowMs: number): string[] {
  const books = new Books(campaign, tally, nowMs);
  return cells.filter((cell) => books.whyHeld(cell) === undefined);
}

/** Begins what may begin of these devices, in their order. */
export function startDevices(campaign: Campaign, tally: Tally, devices: readonly NextDevice[], nowMs: number): Start {
  const books = new Books(campaign, tally, nowMs);
  const moved: { endpoint: string; device: CampaignDevice }[] = [];
  let { admitted } = campaign;
  for (const { endpoint, device, presence } of devices) {
    const fresh = device.place === 'waiting';
    if (fresh && books.fresh <= 0) continue;
    const next = nextPlace(device, presence, campaign, books, nowMs);
    if (next === undefined) continue;
    if (fresh) {
      books.fresh -= 1;
      admitted += 1;
    }
    moved.push({ endpoint, device: fresh ? { ...next, wave: campaign.wave.index, admittedMs: nowMs } : next });
  }
  return { campaign: { ...campaign, admitted, paidUntilMs: books.paidUntilMs, cellsPaidUntilMs: books.cellsPaidUntilMs }, moved };
}

/** Where a device goes; undefined: it stays. */
function nextPlace(device: CampaignDevice, presence: Presence, { request }: Campaign, books: Books, nowMs: number): CampaignDevice | undefined {
  const { againMs: _, ...rest } = device;
  const go = (place: CampaignDevice['place'], reason: string): CampaignDevice => ({ ...rest, place, reason, sinceMs: nowMs });
  if (presence === 'gone') return go('skipped', 'no such endpoint is known');
  if (presence === 'away' && request.whenAwake) return go('asleep', 'the device sleeps, or is not registered: it is begun when it is awake');
  if (!books.hasRoom) return undefined;
  const cell = device.cell ?? '';
  const held = books.whyHeld(cell);
  if (held !== undefined) return device.place === 'held' ? undefined : go('held', held);
  books.begin(cell);
  const { reason: _reason, stage: _stage, ...begun } = rest;
  return { ...begun, place: 'starting', attempt: device.attempt + 1, sinceMs: nowMs };
}
