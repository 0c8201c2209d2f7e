/** Campaigns: one package to the devices of a group or selector, in waves. */
import { Body, Controller, Get, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import {
  type CampaignDevicePage, type CampaignDevicesQuery, campaignDevicesQuery, type CampaignPage, type CampaignRequest, campaignRequest, type CampaignView, type PageQuery, pageQuery,
} from '@cluster/contracts';
import { type Caller, RequestCaller } from '@cluster/nest-kit';
import type { FastifyReply } from 'fastify';
import { CampaignDesk } from '../campaigns/campaign-desk.ts';

@Controller('api/v1/firmware/campaigns')
export class CampaignsController {
  readonly #desk: CampaignDesk;

  constructor(desk: CampaignDesk) {
    this.#desk = desk;
  }

  @Post()
  @HttpCode(202)
  async start(
    @Body({ schema: campaignRequest }) request: CampaignRequest, @RequestCaller() caller: Caller, @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<CampaignView> {
    const campaign = await this.#desk.start(request, caller);
    void reply.header('location', `/api/v1/firmware/campaigns/${encodeURIComponent(campaign.id)}`);
    return campaign;
  }

  @Get()
  list(@Query({ schema: pageQuery }) query: PageQuery, @RequestCaller() caller: Caller): Promise<CampaignPage> {
    return this.#desk.list(query, caller);
  }

  @Get(':id')
  show(@Param('id') id: string, @RequestCaller() caller: Caller): Promise<CampaignView> {
    return this.#desk.show(id, caller);
  }

  @Get(':id/devices')
  devices(@Param('id') id: string, @Query({ schema: campaignDevicesQuery }) query: CampaignDevicesQuery, @RequestCaller() caller: Caller): Promise<CampaignDevicePage> {
    return this.#desk.devices(id, query, caller);
  }

  @Post(':id/pause')
  @HttpCode(200)
  pause(@Param('id') id: string, @RequestCaller() caller: Caller): Promise<CampaignView> {
    return this.#desk.act(id, 'pause', caller);
  }

  @Post(':id/resume')
  @HttpCode(200)
  resume(@Param('id') id: string, @RequestCaller() caller: Caller): Promise<CampaignView> {
    return this.#desk.act(id, 'resume', caller);
  }

  @Post(':id/approve')
  @HttpCode(200)
  approve(@Param('id') id: string, @RequestCaller() caller: Caller): Promise<CampaignView> {
    return this.#desk.act(id, 'approve', caller);
  }

  @Post(':id/abort')
  @HttpCode(200)
  abort(@Param('id') id: string, @RequestCaller() caller: Caller): Promise<CampaignView> {
    return this.#desk.act(id, 'abort', caller);
  }
}
