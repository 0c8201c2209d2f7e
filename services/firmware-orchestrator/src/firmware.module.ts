/** The parts of the orchestrator and how they are put together. */
import { type DynamicModule, Module, type Provider } from '@nestjs/common';
import { Selection } from '@cluster/fleet';
import { CachedReader } from '@cluster/package-storage';
import type { CampaignDeps } from './campaigns/campaign-deps.ts';
import { CampaignDesk } from './campaigns/campaign-desk.ts';
import { CampaignEvents } from './campaigns/campaign-events.ts';
import { CampaignMetrics } from './campaigns/campaign-metrics.ts';
import { CampaignResults } from './campaigns/campaign-results.ts';
import { CampaignRunner } from './campaigns/campaign-runner.ts';
import { CampaignSelection } from './campaigns/campaign-selection.ts';
import { campaignWork } from './campaigns/campaign-turn.ts';
import { CampaignsConsumer } from './campaigns/campaigns.consumer.ts';
import type { FirmwareDeps, FirmwareOptions } from './options.ts';
import { PackageDesk } from './packages/package-desk.ts';
import { CampaignsController } from './rest/campaigns.controller.ts';
import { FilesController, STRETCH_BYTES } from './rest/files.controller.ts';
import { PackagesController } from './rest/packages.controller.ts';
import { SoftwareController } from './rest/software.controller.ts';
import { UpdateListController } from './rest/update-list.controller.ts';
import { UpdatesController } from './rest/updates.controller.ts';
import { SoftwareConsumer } from './software/software.consumer.ts';
import { SoftwareDesk } from './software/software-desk.ts';
import { SoftwareTurn } from './software/software-turn.ts';
import { LINKS, LOG, SOFTWARE, UPDATES } from './tokens.ts';
import { FirmwareConsumer } from './updates/firmware.consumer.ts';
import { UpdateDesk } from './updates/update-desk.ts';
import { UpdateRunner } from './updates/update-runner.ts';
import { UpdateTurn } from './updates/update-turn.ts';

@Module({})
export class FirmwareModule {
  static register(deps: FirmwareDeps, options: FirmwareOptions): DynamicModule {
    const { updates, software, links, log } = deps;
    return {
      module: FirmwareModule,
      controllers: [
        PackagesController, UpdatesController, UpdateListController, SoftwareController, FilesController, FirmwareConsumer, SoftwareConsumer,
        CampaignsController, CampaignsConsumer,
      ],
      providers: [
        { provide: UPDATES, useValue: updates },
        { provide: SOFTWARE, useValue: software },
        { provide: CachedReader, useValue: new CachedReader(deps.storage, { stretchBytes: STRETCH_BYTES, mostBytes: options.cacheBytes }) },
        { provide: LINKS, useValue: { ring: links } },
        { provide: LOG, useValue: log },
        { provide: PackageDesk, useFactory: () => new PackageDesk(deps, options) },
        { provide: UpdateTurn, useFactory: () => new UpdateTurn(deps, options) },
        { provide: SoftwareTurn, useFactory: () => new SoftwareTurn({ ...deps, updates: software }, options) },
        { provide: UpdateDesk, useFactory: (packages: PackageDesk, turn: UpdateTurn) => new UpdateDesk(packages, turn, deps), inject: [PackageDesk, UpdateTurn] },
        { provide: SoftwareDesk, useFactory: (packages: PackageDesk, turn: SoftwareTurn) => new SoftwareDesk(packages, turn, deps), inject: [PackageDesk, SoftwareTurn] },
        {
          provide: UpdateRunner,
          useFactory: (firmware: UpdateTurn, softwareTurn: SoftwareTurn, packages: PackageDesk) =>
            new UpdateRunner([{ store: updates, turn: firmware }, { store: software, turn: softwareTurn }], packages, deps.sessions, options, log),
          inject: [UpdateTurn, SoftwareTurn, PackageDesk],
        },
        ...campaignProviders(deps, options),
      ],
    };
  }
}

function campaignProviders(deps: FirmwareDeps, options: FirmwareOptions): Provider[] {
  const { northbound, sessions, updates, model, groups, publisher, log } = deps;
  const metrics = new CampaignMetrics(deps.metrics);
  const campaigns = metrics.counting(deps.campaigns);
  const selection = new Selection(model, northbound);
  const chosen = new CampaignSelection({ campaigns, selection, model, northbound });
  const shared = { campaigns, selection, model, northbound, sessions, updates, events: new CampaignEvents(publisher, options.eventEncoding), metrics };
  const timeMs = () => sessions.timeMs();
  return [
    { provide: CampaignResults, useFactory: () => new CampaignResults(shared) },
    {
      provide: CampaignRunner,
      useFactory: (turn: UpdateTurn) => new CampaignRunner(campaignWork({ ...shared, turn } satisfies CampaignDeps, log), options.replica, options.campaigns, log),
      inject: [UpdateTurn],
    },
    {
      provide: CampaignDesk,
      useFactory: (packages: PackageDesk, runner: CampaignRunner) => new CampaignDesk({ campaigns, groups, packages, selection: chosen, runner, timeMs }),
      inject: [PackageDesk, CampaignRunner],
    },
  ];
}
