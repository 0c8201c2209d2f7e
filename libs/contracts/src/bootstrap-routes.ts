/** REST routes of the bootstrap service. They are served by its own process, and beside the registry's in one process. */
import { bootstrapSessionList, bootstrapSessionPage, bootstrapSessionsQuery, bootstrapSessionView, type BootstrapSessionView, bootstrapTrigger, type BootstrapTrigger } from './bootstrap-sessions.ts';
import { bootstrapConfigurationRoutes } from './bootstrap-configuration-routes.ts';
import type { RestRoute } from './rest-routes.ts';

const ENDPOINT = '/api/v1/endpoints/{endpoint}/bootstrap';

const session: BootstrapSessionView = {
  id: '0195f0a3c2d0-9f3a11c0', endpoint: 'urn:imei:350457790000000', outcome: 'finished', startedAt: '2026-03-01T09:00:00.000Z', endedAt: '2026-03-01T09:00:01.100Z',
  address: 'dtls:192.0.2.7:40123', identity: 'psk/1', configuration: 'meters', revision: 4, lwm2mVersion: '1.1',
  steps: [
    { operation: 'request', path: '/bs', sentAt: '2026-03-01T09:00:00.000Z', answeredAt: '2026-03-01T09:00:00.010Z', code: '2.04' },
    { operation: 'delete', path: '/', sentAt: '2026-03-01T09:00:00.020Z', answeredAt: '2026-03-01T09:00:00.120Z', code: '2.02' },
    {
      operation: 'write', path: '/1/0', sentAt: '2026-03-01T09:00:00.120Z', answeredAt: '2026-03-01T09:00:00.220Z', code: '2.04', contentFormat: 112, bytes: 40,
      values: [{ path: '/1/0/0', value: 1 }, { path: '/1/0/1', value: 86_400 }],
    },
    { operation: 'finish', path: '/bs', sentAt: '2026-03-01T09:00:01.000Z', answeredAt: '2026-03-01T09:00:01.100Z', code: '2.04' },
  ],
};
const { steps: _, ...summary } = session;
const trigger: BootstrapTrigger = { state: 'asked', requestedAt: '2026-03-01T09:00:00.000Z', commandId: 'c5mJd0Q1' };

export const bootstrapRoutes: readonly RestRoute[] = [
  ...bootstrapConfigurationRoutes,
  {
    method: 'post', path: ENDPOINT, id: 'startBootstrap', tag: 'bootstrap', access: 'operate',
    summary: 'Lets a registered device bootstrap anew: Execute of its Bootstrap-Request Trigger (/1/x/9)',
    answers: { 202: { description: 'queued for the device', schema: bootstrapTrigger, example: { ...trigger, state: 'waiting' } } },
    problems: ['ENDPOINT_UNKNOWN', 'SERVER_INSTANCE_UNKNOWN', 'QUEUE_FULL', 'TENANT_QUEUE_FULL', 'COMMAND_RATE', 'STORE_UNAVAILABLE'],
  },
  {
    method: 'get', path: ENDPOINT, id: 'getBootstrap', tag: 'bootstrap', summary: 'Where the bootstrap stands that was asked for last',
    answers: { 200: { description: 'its state', schema: bootstrapTrigger, example: trigger } },
    problems: ['ENDPOINT_UNKNOWN', 'BOOTSTRAP_UNKNOWN', 'STORE_UNAVAILABLE'],
  },
  {
    method: 'get', path: `${ENDPOINT}/sessions`, id: 'listEndpointBootstrapSessions', tag: 'bootstrap',
    summary: 'Bootstrap sessions of one endpoint that are over, the newest first, each with its requests and answers',
    answers: { 200: { description: 'the newest 10; none where there never was one', schema: bootstrapSessionList, example: [session] } },
    problems: ['STORE_UNAVAILABLE'],
  },
  {
    method: 'get', path: `${ENDPOINT}/sessions/{id}`, id: 'getBootstrapSession', tag: 'bootstrap', summary: 'One bootstrap session with its requests and answers',
    answers: { 200: { description: 'the session', schema: bootstrapSessionView, example: session } },
    problems: ['BOOTSTRAP_SESSION_UNKNOWN', 'STORE_UNAVAILABLE'],
  },
  {
    method: 'get', path: '/api/v1/bootstrap/sessions', id: 'listBootstrapSessions', tag: 'bootstrap', leavesOutTenants: true,
    summary: 'Bootstrap sessions of all endpoints that are over, the newest first, by pages; those of unknown devices too',
    query: bootstrapSessionsQuery,
    answers: { 200: { description: 'a page; `next` is missing on the last. What is another tenant’s is left out: a page may have few, though others follow', schema: bootstrapSessionPage, example: { sessions: [summary] } } },
    problems: ['REQUEST_MALFORMED', 'STORE_UNAVAILABLE'],
  },
];
