/** The updates of all devices. */
import { Controller, Get, Query } from '@nestjs/common';
import { type FirmwareUpdatePage, type FirmwareUpdatesQuery, firmwareUpdatesQuery } from '@cluster/contracts';
import { UpdateDesk } from '../updates/update-desk.ts';

@Controller('api/v1/firmware/updates')
export class UpdateListController {
  readonly #desk: UpdateDesk;

  constructor(desk: UpdateDesk) {
    this.#desk = desk;
  }

  @Get()
  list(@Query({ schema: firmwareUpdatesQuery }) query: FirmwareUpdatesQuery): Promise<FirmwareUpdatePage> {
    return this.#desk.list(query);
  }
}
