/** What the parts of campaigns share. */
import type { JobStore, Selection } from '@cluster/fleet';
import type { ReadModelStore } from '@cluster/session';
import type { FirmwareDeps } from '../options.ts';
import type { UpdateTurn } from '../updates/update-turn.ts';
import type { CampaignEvents } from './campaign-events.ts';
import type { CampaignMetrics } from './campaign-metrics.ts';

export interface CampaignDeps {
  readonly campaigns: JobStore;
  readonly selection: Selection;
  readonly model: Pick<ReadModelStore, 'values'>;
  readonly northbound: Pick<FirmwareDeps['northbound'], 'traits'>;
  readonly sessions: FirmwareDeps['sessions'];
  readonly updates: FirmwareDeps['updates'];
  readonly turn: UpdateTurn;
  readonly events: CampaignEvents;
  readonly metrics: CampaignMetrics;
}
