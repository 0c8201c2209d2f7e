/** Jobs: the same commands to each endpoint of a group, tracked as one. */
import { Body, Controller, Get, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import {
  type JobDevicePage, type JobDevicesQuery, jobDevicesQuery, type JobPage, type JobRequest, jobRequest, type JobView, type PageQuery, pageQuery,
} from '@cluster/contracts';
import { type Caller, RequestCaller } from '@cluster/nest-kit';
import type { FastifyReply } from 'fastify';
import { JobDesk } from '../jobs/job-desk.ts';

@Controller('api/v1/jobs')
export class JobsController {
  readonly #desk: JobDesk;

  constructor(desk: JobDesk) {
    this.#desk = desk;
  }

  @Post()
  @HttpCode(202)
  async start(
    @Body({ schema: jobRequest }) request: JobRequest,
    @RequestCaller() caller: Caller,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<JobView> {
    const job = await this.#desk.start(request, caller);
    void reply.header('location', `/api/v1/jobs/${encodeURIComponent(job.id)}`);
    return job;
  }

  @Get()
  list(@Query({ schema: pageQuery }) query: PageQuery, @RequestCaller() caller: Caller): Promise<JobPage> {
    return this.#desk.list(query, caller);
  }

  @Get(':id')
  show(@Param('id') id: string, @RequestCaller() caller: Caller): Promise<JobView> {
    return this.#desk.show(id, caller);
  }

  @Get(':id/devices')
  devices(@Param('id') id: string, @Query({ schema: jobDevicesQuery }) query: JobDevicesQuery, @RequestCaller() caller: Caller): Promise<JobDevicePage> {
    return this.#desk.devices(id, query, caller);
  }

  @Post(':id/pause')
  @HttpCode(200)
  pause(@Param('id') id: string, @RequestCaller() caller: Caller): Promise<JobView> {
    return this.#desk.act(id, 'pause', caller);
  }

  @Post(':id/resume')
  @HttpCode(200)
  resume(@Param('id') id: string, @RequestCaller() caller: Caller): Promise<JobView> {
    return this.#desk.act(id, 'resume', caller);
  }

  @Post(':id/cancel')
  @HttpCode(200)
  cancel(@Param('id') id: string, @RequestCaller() caller: Caller): Promise<JobView> {
    return this.#desk.act(id, 'cancel', caller);
  }
}
