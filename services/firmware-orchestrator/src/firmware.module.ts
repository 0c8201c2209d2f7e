/** The parts of the orchestrator and how they are put together. */
import { type DynamicModule, Module } from '@nestjs/common';
import { CachedReader } from '@cluster/package-storage';
import type { FirmwareDeps, FirmwareOptions } from './options.ts';
import { PackageDesk } from './packages/package-desk.ts';
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
      controllers: [PackagesController, UpdatesController, UpdateListController, SoftwareController, FilesController, FirmwareConsumer, SoftwareConsumer],
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
      ],
    };
  }
}
