/** The parts of the orchestrator and how they are put together. */
import { type DynamicModule, Module } from '@nestjs/common';
import type { FirmwareDeps, FirmwareOptions } from './options.ts';
import { PackageDesk } from './packages/package-desk.ts';
import { FilesController } from './rest/files.controller.ts';
import { PackagesController } from './rest/packages.controller.ts';
import { UpdatesController } from './rest/updates.controller.ts';
import { LINKS, LOG, STORAGE, UPDATES } from './tokens.ts';
import { FirmwareConsumer } from './updates/firmware.consumer.ts';
import { FirmwareEvents } from './updates/firmware-events.ts';
import { UpdateDesk } from './updates/update-desk.ts';
import { UpdateRunner } from './updates/update-runner.ts';
import { UpdateTurn } from './updates/update-turn.ts';

@Module({})
export class FirmwareModule {
  static register(deps: FirmwareDeps, options: FirmwareOptions): DynamicModule {
    const { northbound, sessions, updates, links, log, publisher } = deps;
    const events = new FirmwareEvents(publisher, options.eventEncoding);
    return {
      module: FirmwareModule,
      controllers: [PackagesController, UpdatesController, FilesController, FirmwareConsumer],
      providers: [
        { provide: UPDATES, useValue: updates },
        { provide: STORAGE, useValue: deps.storage },
        { provide: LINKS, useValue: { ring: links } },
        { provide: LOG, useValue: log },
        { provide: PackageDesk, useFactory: () => new PackageDesk(deps, options) },
        { provide: UpdateTurn, useFactory: () => new UpdateTurn({ northbound, sessions, updates, links, log, events }, options.baseUris) },
        { provide: UpdateDesk, useFactory: (packages: PackageDesk, turn: UpdateTurn) => new UpdateDesk(packages, turn, deps), inject: [PackageDesk, UpdateTurn] },
        {
          provide: UpdateRunner,
          useFactory: (turn: UpdateTurn, packages: PackageDesk) => new UpdateRunner(turn, packages, deps, options, log),
          inject: [UpdateTurn, PackageDesk],
        },
      ],
    };
  }
}
