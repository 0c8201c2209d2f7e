/** Jobs: the same commands to each endpoint of a group, tracked as one. */
import { Body, Controller, Get, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import {
  type JobDevicePage, type JobDevicesQuery, jobDevicesQuery, type JobPage, type JobRequest, jobRequest, type JobView, type PageQuery, pageQuery,
} from '@cluster/contracts';
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
  async start(@Body({ schema: jobRequest }) request: JobRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<JobView> {
    const job = await this.#desk.start(request);
    void reply.header('location', `/api/v1/jobs/${encodeURIComponent(job.id)}`);
    return job;
  }

  @Get()
  list(@Query({ schema: pageQuery }) query: PageQuery): Promise<JobPage> {
    return this.#desk.list(query);
  }

  @Get(':id')
  show(@Param('id') id: string): Promise<JobView> {
    return this.#desk.show(id);
  }

  @Get(':id/devices')
  devices(@Param('id') id: string, @Query({ schema: jobDevicesQuery }) query: JobDevicesQuery): Promise<JobDevicePage> {
    return this.#desk.devices(id, query);
  }

  @Post(':id/pause')
  @HttpCode(200)
  pause(@Param('id') id: string): Promise<JobView> {
    return this.#desk.act(id, 'pause');
  }

  @Post(':id/resume')
  @HttpCode(200)
  resume(@Param('id') id: string): Promise<JobView> {
    return this.#desk.act(id, 'resume');
  }

  @Post(':id/cancel')
  @HttpCode(200)
  cancel(@Param('id') id: string): Promise<JobView> {
    return this.#desk.act(id, 'cancel');
  }
}
