/** Creates a NestJS application on Fastify with the limits and habits that all services share. */
import type { Socket } from 'node:net';
import type { DynamicModule, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyReply } from 'fastify';
import type { AccessControl } from './access/access-control.ts';
import type { AuditSink } from './access/audit.ts';
import { audit, guard } from './access/guard.ts';
import { type Log, NestLogger } from './logger.ts';
import { toApiError } from './problem.ts';
import { ProblemFilter, sendProblem } from './problem-filter.ts';
import { validationPipe } from './validation.ts';

/** Told of each finished request, for the service's metrics. `route` is the pattern, never the address itself. */
export type RequestObserver = (request: { method: string; route: string; status: number; seconds: number }) => void;

export interface HttpAppOptions {
  readonly log: Log;
  readonly bodyLimitBytes: number;
  readonly onRequestDone?: RequestObserver | undefined;
  /** Bodies that are no JSON reach their handlers as streams, unread. */
  readonly byteStreams?: boolean | undefined;
  /** Who may do what; without it nobody is asked. */
  readonly access?: AccessControl | undefined;
  /** Takes the audit log. */
  readonly audit?: AuditSink | undefined;
}

const MAX_HEADER_BYTES = 16_384;
/** Room for an endpoint name of 255 bytes with every byte percent-encoded, and more. */
const MAX_PARAM_LENGTH = 1_024;

function answerBrokenRequest(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const status = error.code === 'HPE_HEADER_OVERFLOW' ? 431 : error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400;
  const body = JSON.stringify(toApiError(Object.assign(new Error('broken HTTP request'), { statusCode: status })).toProblem());
  socket.end(
    `HTTP/1.1 ${status} Error\r\nConnection: close\r\nContent-Type: application/problem+json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

function createAdapter(options: HttpAppOptions): FastifyAdapter {
  return new FastifyAdapter({
    bodyLimit: options.bodyLimitBytes,
    http: { maxHeaderSize: MAX_HEADER_BYTES, headersTimeout: 15_000 },
    // A package may come slowly; headers and JSON may not.
    requestTimeout: options.byteStreams === true ? 3_600_000 : 30_000,
    keepAliveTimeout: 75_000,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: MAX_PARAM_LENGTH },
    clientErrorHandler: answerBrokenRequest,
    frameworkErrors: (error: Error, _request: unknown, reply: FastifyReply) => sendProblem(reply, toApiError(error)),
  });
}

/** Creates the application; the caller adds microservices and documents, then lets it listen. */
export async function createHttpApp(module: Type | DynamicModule, options: HttpAppOptions): Promise<NestFastifyApplication> {
  const adapter = createAdapter(options);
  const fastify = adapter.getInstance();
  // Only JSON comes in: a plain form of a foreign page can't be sent here by a browser without being asked first.
  fastify.removeContentTypeParser('text/plain');
  if (options.byteStreams === true) fastify.addContentTypeParser('application/octet-stream', (_request, payload, done) => done(null, payload));
  const { onRequestDone, access } = options;
  if (onRequestDone !== undefined) {
    fastify.addHook('onResponse', (request, reply, done) => {
      const route = request.routeOptions.url ?? 'unknown';
      onRequestDone({ method: request.method, route, status: reply.statusCode, seconds: reply.elapsedTime / 1_000 });
      done();
    });
  }
  if (access !== undefined) guard(fastify, access);
  if (options.audit !== undefined) audit(fastify, options.audit);
  const app = await NestFactory.create<NestFastifyApplication>(module, adapter, {
    logger: new NestLogger(options.log),
    bodyParser: false,
    abortOnError: false,
  });
  app.useGlobalPipes(validationPipe());
  app.useGlobalFilters(new ProblemFilter(options.log));
  return app;
}
