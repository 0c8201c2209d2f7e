/** What is counted of campaigns: how many stand in which state, and how their devices ended. Labels come from this program alone. */
import { campaignState, type CampaignState } from '@cluster/contracts';
import { detailOf, type DeviceMove, hasEnded, type JobStore, placeOf } from '@cluster/fleet';
import type { Metrics } from '@cluster/telemetry';

/** One that was not looked at for so long is carried on by another orchestrator. */
const FRESH_MS = 15_000;

export class CampaignMetrics {
  readonly #metrics: Metrics;
  readonly #states = new Map<string, { readonly state: CampaignState; readonly seenMs: number }>();

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
    for (const state of campaignState.options) {
      const read = () => [...this.#states.values()].filter((one) => one.state === state && performance.now() - one.seenMs < FRESH_MS).length;
      metrics.gauge('lwm2m_firmware_campaigns', 'Campaigns that this orchestrator carries on, by state', read, { state });
    }
  }

  /** A campaign that this orchestrator carries on stands so. */
  stands(id: string, state: CampaignState): void {
    this.#states.set(id, { state, seenMs: performance.now() });
  }

  /** It carries it on no more. */
  left(id: string): void {
    this.#states.delete(id);
  }

  /** The store, with a count of the devices that come to an end through this orchestrator. */
  counting(campaigns: JobStore): JobStore {
    return {
      ...campaigns,
      moveDevices: async (id, moves) => {
        const moved = await campaigns.moveDevices(id, moves);
        moves.forEach((move, i) => {
          if (moved[i] === true) this.#moved(move);
        });
        return moved;
      },
      advanceJob: async (id, expected, record, moves) => {
        const advanced = await campaigns.advanceJob(id, expected, record, moves);
        if (advanced) for (const move of moves) this.#moved(move);
        return advanced;
      },
    };
  }

  #moved({ next }: DeviceMove): void {
    const [bucket = ''] = next.split(' ', 1);
    const place = placeOf(bucket);
    if (!hasEnded({ place })) return;
    const outcome = place === 'failed' ? detailOf(bucket) : place;
    this.#metrics.counter('lwm2m_firmware_campaign_devices_total', 'Devices of campaigns by how they ended', { outcome }).inc();
  }
}
