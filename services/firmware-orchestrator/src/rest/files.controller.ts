/** Packages for devices that pull by HTTP: a link opens one of them, for its time; Range and If-Range as in RFC 9110 §14. */
import { Controller, Get, Headers, Inject, Param, Req, Res } from '@nestjs/common';
import { openLink } from '@cluster/firmware';
import { ApiError } from '@cluster/nest-kit';
import { CachedReader } from '@cluster/package-storage';
import type { KeyRing } from '@cluster/secrets';
import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { PackageDesk } from '../packages/package-desk.ts';
import { LINKS } from '../tokens.ts';
import { rangeOf } from './range.ts';

/** What is read of the storage at a time, and what a slow download holds. */
export const STRETCH_BYTES = 65_536;

@Controller('fw')
export class FilesController {
  readonly #desk: PackageDesk;
  readonly #reader: CachedReader;
  readonly #links: KeyRing | undefined;

  constructor(desk: PackageDesk, reader: CachedReader, @Inject(LINKS) links: { ring: KeyRing | undefined }) {
    this.#desk = desk;
    this.#reader = reader;
    this.#links = links.ring;
  }

  @Get(':link')
  async fetch(
    @Param('link') text: string, @Headers('range') range: string | undefined, @Headers('if-range') ifRange: string | undefined,
    @Req() request: FastifyRequest, @Res() reply: FastifyReply,
  ): Promise<void> {
    const link = this.#links && openLink(this.#links, text, Date.now() / 1_000);
    if (link === undefined) throw new ApiError(404, 'PACKAGE_UNKNOWN', 'There is no such package');
    const { size, sha256 } = await this.#desk.ready(link.package);
    const etag = `"${sha256}"`;
    const part = ifRange === undefined || ifRange === etag ? rangeOf(range, size) : undefined;
    void reply.header('accept-ranges', 'bytes').header('etag', etag);
    if (part === 'unsatisfiable') {
      void reply.header('content-range', `bytes */${size}`);
      throw new ApiError(416, 'RANGE_UNSATISFIABLE', 'The package ends before the range');
    }
    const [from, to] = part ?? [0, size - 1];
    // While its storage is away a package is not begun: the answer is an error, not a connection that breaks.
    const first = request.method === 'HEAD' ? undefined : await this.#stretch(link.package, from, to + 1);
    if (part !== undefined) void reply.status(206).header('content-range', `bytes ${from}-${to}/${size}`);
    void reply.header('cache-control', 'private').header('content-type', 'application/octet-stream').header('content-length', to - from + 1);
    await reply.send(Readable.from(first === undefined ? [] : this.#bytes(link.package, first, from, to + 1)));
  }

  async *#bytes(id: string, first: Uint8Array, from: number, end: number): AsyncGenerator<Uint8Array> {
    yield first;
    for (let at = from + first.length; at < end; ) {
      const bytes = await this.#stretch(id, at, end);
      yield bytes;
      at += bytes.length;
    }
  }

  /** What of [at, end) lies in the stretch of `at`. The connection breaks where the package was removed meanwhile. */
  async #stretch(id: string, at: number, end: number): Promise<Uint8Array> {
    const bytes = await this.#reader.block(id, at, Math.min(end - at, STRETCH_BYTES - (at % STRETCH_BYTES)));
    if (bytes === undefined || bytes.length === 0) throw new ApiError(404, 'PACKAGE_UNKNOWN', 'There is no such package');
    return bytes;
  }
}
