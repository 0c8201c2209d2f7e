/** Who changed or commanded what by REST, when, from where, and how it ended. Told of refusals too; of reading nothing. */
import type { AuditValue } from '@cluster/contracts';
import type { FastifyRequest } from 'fastify';
import type { Caller } from './caller.ts';

/** Takes what is to be kept. Must not fail: the request is over. */
export type AuditSink = (entry: AuditValue) => void;

const READING = new Set(['GET', 'HEAD', 'OPTIONS']);
const MAX_TEXT = 255;
const MAX_ITEMS = 20;

/** The entry of a request; undefined for one that only reads, unless it was refused for want of a grant. */
export function auditEntry(request: FastifyRequest, status: number, caller: Caller | undefined, at: Date): AuditValue | undefined {
  const refused = status === 401 || status === 403;
  const commands = status < 300 ? commandsIn(request.body) : [];
  if (READING.has(request.method) && !refused) return undefined;
  return {
    at: at.toISOString(),
    caller: caller?.name ?? 'unknown',
    method: request.method,
    route: (request.routeOptions.url ?? '').replaceAll(/:(\w+)/g, '{$1}'),
    parameters: shortened(request.params),
    from: request.ip,
    status,
    ...(commands.length === 0 ? {} : { commands }),
  };
}

function shortened(parameters: unknown): Record<string, string> {
  return Object.fromEntries(Object.entries((parameters ?? {}) as object).map(([name, value]) => [name, String(value).slice(0, MAX_TEXT)]));
}

/** Operations and paths, never values: they may be secrets. The body is one that its schema took. */
function commandsIn(body: unknown): NonNullable<AuditValue['commands']> {
  const { commands } = Object(body) as { commands?: unknown };
  const asked = (Array.isArray(commands) ? commands.slice(0, MAX_ITEMS) : [body]) as ({ op?: string; path?: string; paths?: string[] } | null | undefined)[];
  return asked.flatMap((command) => (typeof command?.op !== 'string' ? [] : [{
    op: command.op,
    ...(command.path === undefined ? {} : { path: command.path }),
    ...(command.paths === undefined ? {} : { paths: command.paths.slice(0, MAX_ITEMS) }),
  }]));
}
