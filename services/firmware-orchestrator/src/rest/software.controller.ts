/** The software that one device should have. */
import { Body, Controller, Delete, Get, HttpCode, Param, Put } from '@nestjs/common';
import { type SoftwareRequest, softwareRequest, type SoftwareView } from '@cluster/contracts';
import { malformed } from '@cluster/nest-kit';
import { SoftwareDesk } from '../software/software-desk.ts';

@Controller('api/v1/endpoints/:endpoint/software')
export class SoftwareController {
  readonly #desk: SoftwareDesk;

  constructor(desk: SoftwareDesk) {
    this.#desk = desk;
  }

  @Get()
  list(@Param('endpoint') endpoint: string): Promise<SoftwareView[]> {
    return this.#desk.list(endpoint);
  }

  @Put(':instance')
  @HttpCode(202)
  set(@Param('endpoint') endpoint: string, @Param('instance') instance: string, @Body({ schema: softwareRequest }) request: SoftwareRequest): Promise<SoftwareView> {
    return this.#desk.set(endpoint, instanceOf(instance), request);
  }

  @Get(':instance')
  show(@Param('endpoint') endpoint: string, @Param('instance') instance: string): Promise<SoftwareView> {
    return this.#desk.show(endpoint, instanceOf(instance));
  }

  @Delete(':instance')
  @HttpCode(202)
  cancel(@Param('endpoint') endpoint: string, @Param('instance') instance: string): Promise<SoftwareView> {
    return this.#desk.cancel(endpoint, instanceOf(instance));
  }
}

/** 65535 is no instance. OMA LwM2M Core 1.1 §7.1 */
const MOST_INSTANCE = 65_534;

function instanceOf(text: string): number {
  if (!/^(0|[1-9]\d{0,4})$/.test(text) || Number(text) > MOST_INSTANCE) throw malformed([{ path: 'instance', message: 'expected an id of an object instance, 0 to 65534' }]);
  return Number(text);
}
