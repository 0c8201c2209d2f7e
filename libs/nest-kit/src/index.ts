/** What the NestJS services share: problem documents, validation, health, documents, logging and topic consumers. */
export { ApiError, type ApiErrorDetails, type Fault, malformed, toApiError, unavailable } from './problem.ts';
export { ProblemFilter, sendProblem } from './problem-filter.ts';
export { validationPipe } from './validation.ts';
export { type Log, NestLogger, silentLog } from './logger.ts';
export { HealthController, HealthModule, type HealthOptions, type MetricsText, type PartHealth, type Probe } from './health.ts';
export { createHttpApp, type HttpAppOptions, type RequestObserver } from './http-app.ts';
export { serveDocs } from './docs.ts';
export { TopicServer, type TopicServerOptions } from './topic-server.ts';
export { type RetryOptions, untilDone } from './until-done.ts';
