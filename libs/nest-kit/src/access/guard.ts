/** Puts access control before every request of an application, and tells handlers who their caller is. */
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { sendProblem } from '../problem-filter.ts';
import { toApiError } from '../problem.ts';
import type { AccessControl } from './access-control.ts';
import { auditEntry, type AuditSink } from './audit.ts';
import { anybody, Caller } from './caller.ts';

const callers = new WeakMap<FastifyRequest, Caller>();

/** Asks before the body is read. */
export function guard(fastify: Pick<FastifyInstance, 'addHook'>, access: AccessControl): void {
  fastify.addHook('onRequest', async (request: FastifyRequest, reply: FastifyReply) => {
    const route = request.routeOptions.url;
    if (route === undefined) return; // nothing is at this address, whoever asks
    const { endpoint } = request.params as { endpoint?: string };
    const { authorization, 'x-api-key': apiKey } = request.headers;
    try {
      const shown = { authorization, apiKey: typeof apiKey === 'string' ? apiKey : undefined };
      await access.admit({ method: request.method, route, endpoint, ...shown }, (caller) => callers.set(request, caller));
    } catch (error) {
      refuse(reply, error);
    }
  });
}

/** RFC 6750 §3 */
function refuse(reply: FastifyReply, error: unknown): void {
  const problem = toApiError(error);
  if (problem.status === 401) void reply.header('www-authenticate', 'Bearer realm="lwm2m", error="invalid_token"');
  sendProblem(reply, problem);
}

/** Tells of each request that changes something, or was refused, when it is over. */
export function audit(fastify: Pick<FastifyInstance, 'addHook'>, sink: AuditSink): void {
  fastify.addHook('onResponse', (request, reply, done) => {
    const caller = callers.get(request) ?? (reply.statusCode === 401 || reply.statusCode === 403 ? undefined : anybody);
    const entry = request.routeOptions.url === undefined ? undefined : auditEntry(request, reply.statusCode, caller, new Date());
    if (entry !== undefined) sink(entry);
    done();
  });
}

/** Who makes this request. Where an application asks nobody, anybody may do everything. */
export const RequestCaller = createParamDecorator((_data: unknown, context: ExecutionContext): Caller => {
  return callers.get(context.switchToHttp().getRequest<FastifyRequest>()) ?? anybody;
});
