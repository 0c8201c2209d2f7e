/** Packages for devices that pull by HTTP: a link opens one of them, for its time; Range and If-Range as in RFC 9110 §14. */
import { Controller, Get, Headers, Inject, Param, Res } from '@nestjs/common';
import { openLink, type PackageStorage } from '@cluster/firmware';
import { ApiError } from '@cluster/nest-kit';
import type { KeyRing } from '@cluster/secrets';
import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import { PackageDesk } from '../packages/package-desk.ts';
import { LINKS, STORAGE } from '../tokens.ts';
import { rangeOf } from './range.ts';

const CHUNK_BYTES = 65_536;

@Controller('fw')
export class FilesController {
  readonly #desk: PackageDesk;
  readonly #storage: PackageStorage;
  readonly #links: KeyRing | undefined;

  constructor(desk: PackageDesk, @Inject(STORAGE) storage: PackageStorage, @Inject(LINKS) links: { ring: KeyRing | undefined }) {
    this.#desk = desk;
    this.#storage = storage;
    this.#links = links.ring;
  }

  @Get(':link')
  async fetch(
    @Param('link') text: string, @Headers('range') range: string | undefined, @Headers('if-range') ifRange: string | undefined, @Res() reply: FastifyReply,
  ): Promise<void> {
    const link = this.#links && openLink(this.#links, text, Date.now() / 1_000);
    if (link === undefined) throw new ApiError(404, 'PACKAGE_UNKNOWN', 'There is no such package');
    const { size, sha256 } = await this.#desk.ready(link.package);
    const etag = `"${sha256}"`;
    const part = ifRange === undefined || ifRange === etag ? rangeOf(range, size) : undefined;
    void reply.header('accept-ranges', 'bytes').header('etag', etag).header('cache-control', 'private').header('content-type', 'application/octet-stream');
    if (part === 'unsatisfiable') {
      void reply.header('content-range', `bytes */${size}`);
      throw new ApiError(416, 'RANGE_UNSATISFIABLE', 'The package ends before the range');
    }
    const [from, to] = part ?? [0, size - 1];
    if (part !== undefined) void reply.status(206).header('content-range', `bytes ${from}-${to}/${size}`);
    void reply.header('content-length', to - from + 1);
    await reply.send(Readable.from(this.#bytes(link.package, from, to + 1)));
  }

  async *#bytes(id: string, from: number, end: number): AsyncGenerator<Uint8Array> {
    for (let at = from; at < end; at += CHUNK_BYTES) {
      const bytes = await this.#storage.read(id, at, Math.min(CHUNK_BYTES, end - at));
      // The connection breaks where the package was removed meanwhile.
      if (bytes === undefined) throw new Error('the package is gone');
      yield bytes;
    }
  }
}
