/** The firmware that one device should have. */
import { Body, Controller, Delete, Get, HttpCode, Param, Put } from '@nestjs/common';
import { type FirmwareRequest, firmwareRequest, type FirmwareView } from '@cluster/contracts';
import { UpdateDesk } from '../updates/update-desk.ts';

@Controller('api/v1/endpoints/:endpoint/firmware')
export class UpdatesController {
  readonly #desk: UpdateDesk;

  constructor(desk: UpdateDesk) {
    this.#desk = desk;
  }

  @Put()
  @HttpCode(202)
  set(@Param('endpoint') endpoint: string, @Body({ schema: firmwareRequest }) request: FirmwareRequest): Promise<FirmwareView> {
    return this.#desk.set(endpoint, request);
  }

  @Get()
  show(@Param('endpoint') endpoint: string): Promise<FirmwareView> {
    return this.#desk.show(endpoint);
  }

  @Delete()
  @HttpCode(202)
  cancel(@Param('endpoint') endpoint: string): Promise<FirmwareView> {
    return this.#desk.cancel(endpoint);
  }
}
