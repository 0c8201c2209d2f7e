/** What the NestJS services share: access control, problem documents, validation, health, documents, logging and topic consumers. */
export { ApiError, type ApiErrorDetails, type Fault, malformed, toApiError, unavailable } from './problem.ts';
export { ProblemFilter, sendProblem } from './problem-filter.ts';
export { validationPipe } from './validation.ts';
export { type Log, NestLogger, silentLog } from './logger.ts';
export { HealthController, HealthModule, type HealthOptions, type MetricsText, type PartHealth, type Probe } from './health.ts';
export { createHttpApp, type HttpAppOptions, type RequestObserver } from './http-app.ts';
export type { Mount } from './mount.ts';
export { serveDocs } from './docs.ts';
export { asJson, receivedEvent, RecordUnreadable } from './received-event.ts';
export { TopicServer, type TopicServerOptions } from './topic-server.ts';
export { type RetryOptions, untilDone } from './until-done.ts';
export { AccessControl, type AccessDeps } from './access/access-control.ts';
export { AuditLog } from './access/audit-log.ts';
export { ApiKeys } from './access/api-keys.ts';
export { anybody, Caller, type CommandScope } from './access/caller.ts';
export { RequestCaller } from './access/guard.ts';
export { openAccess, type OpenAccess } from './access/open-access.ts';
export { type OidcSettings, Tokens } from './access/tokens.ts';
