/** Packages: announced as JSON, then uploaded as bytes, in one part or several. */
import { Body, Controller, Delete, Get, Headers, HttpCode, Param, Patch, Post, Req, Res } from '@nestjs/common';
import { type PackageRequest, packageRequest, type PackageView } from '@cluster/contracts';
import { ApiError, malformed } from '@cluster/nest-kit';
import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { PackageDesk } from '../packages/package-desk.ts';

@Controller('api/v1/firmware/packages')
export class PackagesController {
  readonly #desk: PackageDesk;

  constructor(desk: PackageDesk) {
    this.#desk = desk;
  }

  @Post()
  @HttpCode(201)
  async announce(@Body({ schema: packageRequest }) request: PackageRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<PackageView> {
    const view = await this.#desk.announce(request);
    void reply.header('location', `/api/v1/firmware/packages/${view.id}`);
    return view;
  }

  @Get()
  list(): Promise<PackageView[]> {
    return this.#desk.list();
  }

  @Get(':id')
  show(@Param('id') id: string): Promise<PackageView> {
    return this.#desk.show(id);
  }

  /** The body is the bytes from `upload-offset` on. */
  @Patch(':id/content')
  async append(@Param('id') id: string, @Headers('upload-offset') offset: string | undefined, @Req() request: FastifyRequest): Promise<PackageView> {
    if (offset === undefined || !/^\d{1,15}$/.test(offset)) throw malformed([{ path: 'upload-offset', message: 'expected a header with the offset in bytes' }]);
    const { body } = request;
    if (!(body instanceof Readable)) throw new ApiError(415, 'MEDIA_TYPE_UNSUPPORTED', 'The body must be application/octet-stream');
    try {
      return await this.#desk.append(id, Number(offset), body.iterator({ destroyOnReturn: false }));
    } catch (error) {
      dropRest(body);
      if (body.readableAborted && !(error instanceof ApiError)) throw new ApiError(408, 'REQUEST_TIMEOUT', 'The upload broke off', { cause: error });
      throw error;
    }
  }

  @Delete(':id')
  @HttpCode(204)
  remove(@Param('id') id: string): Promise<void> {
    return this.#desk.remove(id);
  }
}

const MOST_DROPPED_BYTES = 64 * 1_048_576;

/** Who sends what is not taken is to read why, and reads when all is sent; nobody may send for ever. */
function dropRest(body: Readable): void {
  let dropped = 0;
  body.on('error', () => undefined);
  body.on('data', ({ length }: Uint8Array) => {
    if ((dropped += length) > MOST_DROPPED_BYTES) body.destroy();
  });
}
