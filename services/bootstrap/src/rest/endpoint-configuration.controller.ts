/** What one endpoint gets of its own at its bootstrap, and what it would get now. */
import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Put, Query } from '@nestjs/common';
import {
  type BootstrapPreview, bootstrapPreviewQuery, type BootstrapPreviewQuery, endpointBootstrap, type EndpointBootstrap, type EndpointBootstrapView, endpointName,
} from '@cluster/contracts';
import type { ConfigurationDesk } from '@cluster/session';
import { CONFIGURATIONS } from '../tokens.ts';
import { problem } from './problems.ts';
import { stored } from './stored.ts';

@Controller('api/v1/endpoints/:endpoint/bootstrap')
export class EndpointConfigurationController {
  readonly #desk: ConfigurationDesk;

  constructor(@Inject(CONFIGURATIONS) desk: ConfigurationDesk) {
    this.#desk = desk;
  }

  @Get('configuration')
  async show(@Param('endpoint') endpoint: string): Promise<EndpointBootstrapView> {
    const view = await this.#desk.own(endpoint);
    if (view === undefined) throw problem('BOOTSTRAP_CONFIGURATION_UNKNOWN', { detail: endpoint });
    return view;
  }

  @Put('configuration')
  async put(
    @Param('endpoint', { schema: endpointName }) endpoint: string,
    @Body({ schema: endpointBootstrap }) body: EndpointBootstrap,
  ): Promise<EndpointBootstrapView> {
    return stored(await this.#desk.putOwn(endpoint, body), body.configuration ?? endpoint);
  }

  @Delete('configuration')
  @HttpCode(204)
  async remove(@Param('endpoint') endpoint: string): Promise<void> {
    if (!(await this.#desk.removeOwn(endpoint))) throw problem('BOOTSTRAP_CONFIGURATION_UNKNOWN', { detail: endpoint });
  }

  @Get('preview')
  async preview(@Param('endpoint') endpoint: string, @Query({ schema: bootstrapPreviewQuery }) { lwm2m }: BootstrapPreviewQuery): Promise<BootstrapPreview> {
    const preview = await this.#desk.preview(endpoint, lwm2m);
    if (typeof preview === 'string') throw problem('BOOTSTRAP_NONE', { detail: preview });
    return preview;
  }
}
