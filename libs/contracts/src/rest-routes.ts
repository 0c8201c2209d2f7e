/** The table of REST routes: what each takes, answers and refuses. The OpenAPI document is made from it. */
import { z } from 'zod';
import { type Access, tenantOfEndpoint } from './access.ts';
import { adviceView } from './advice.ts';
import { commandRequest, commandStatus } from './commands.ts';
import { credentialList, credentialsRequest } from './credentials.ts';
import { endpointPage, endpointView } from './endpoints.ts';
import { pageQuery } from './fleet.ts';
import { fleetRoutes } from './fleet-routes.ts';
import { deviceSettings, labels } from './profile.ts';
import {
  commandList, commandQuery, desiredObservationList, endpointsQuery, eventsQuery, liveness, observationList, readiness, valueList,
} from './rest.ts';
import { observationTemplate, observationTemplateList, observationTemplateView, templateEndpoints, templateTotals } from './observation-templates.ts';
import { restExamples } from './rest-examples.ts';

/** Errors by code, with what they mean. The status is the HTTP status of the problem document. */
export const problemCodes = {
  REQUEST_MALFORMED: { status: 400, meaning: 'the request is malformed; `faults` names everything that is wrong with it' },
  COMMAND_MALFORMED: { status: 400, meaning: 'no device could be sent this command; `faults` says why' },
  OBSERVATIONS_MALFORMED: { status: 400, meaning: 'the list has observations that can not exist' },
  TEMPLATE_MALFORMED: { status: 400, meaning: 'the template has observations that can not exist' },
  CREDENTIALS_MALFORMED: { status: 400, meaning: 'a credential can not be one; `faults` says why' },
  PSK_TOO_SHORT: { status: 400, meaning: 'the key has less than 16 bytes, which the configuration does not allow' },
  LAST_EVENT_ID_MALFORMED: { status: 400, meaning: 'the id was not given out by this API' },
  UNAUTHENTICATED: { status: 401, meaning: 'the request has no API key or token, or one that does not hold; `detail` says why' },
  ACCESS_DENIED: { status: 403, meaning: 'the caller may not do this; `detail` says what it would have to be allowed' },
  ENDPOINT_UNKNOWN: { status: 404, meaning: 'no such endpoint is known' },
  TEMPLATE_UNKNOWN: { status: 404, meaning: 'there is no such template' },
  CERTIFICATE_UNKNOWN: { status: 404, meaning: 'no such certificate was issued, or it is kept no longer' },
  CREDENTIAL_UNKNOWN: { status: 404, meaning: 'the endpoint has no such credential' },
  COMMAND_UNKNOWN: { status: 404, meaning: 'the endpoint has no such command' },
  COMMAND_IN_FLIGHT: { status: 409, meaning: 'the command is on its way to the device' },
  COMMAND_FINISHED: { status: 409, meaning: 'the command has ended already' },
  GROUP_UNKNOWN: { status: 404, meaning: 'there is no such group' },
  BOOTSTRAP_UNKNOWN: { status: 404, meaning: 'nobody asked for a bootstrap of this endpoint, or it was too long ago' },
  BOOTSTRAP_CONFIGURATION_MALFORMED: { status: 400, meaning: 'no device could have what the configuration says; `faults` says why' },
  BOOTSTRAP_CONFIGURATION_UNKNOWN: { status: 404, meaning: 'there is no such bootstrap configuration for this tenant, or none of the endpoint\'s own' },
  BOOTSTRAP_CONFIGURATIONS_FULL: { status: 409, meaning: 'there are as many bootstrap configurations as the cluster holds, or the document is too large' },
  BOOTSTRAP_NONE: { status: 404, meaning: 'the endpoint would get nothing; `detail` says why' },
  BOOTSTRAP_SESSION_UNKNOWN: { status: 404, meaning: 'the endpoint has no such bootstrap session, or it is kept no longer' },
  SERVER_INSTANCE_UNKNOWN: { status: 409, meaning: 'the endpoint is not registered with exactly one instance of object 1: Execute the /1/x/9 that is meant as a command' },
  JOB_UNKNOWN: { status: 404, meaning: 'there is no such job; those that ended are kept for seven days' },
  JOB_OVER: { status: 409, meaning: 'the job has ended, or is being cancelled' },
  JOBS_FULL: { status: 429, meaning: 'as many jobs as may run do' },
  NAME_TAKEN: { status: 409, meaning: 'another tenant has something of this name' },
  GROUPS_FULL: { status: 429, meaning: 'there are as many groups as may be' },
  PACKAGE_UNKNOWN: { status: 404, meaning: 'there is no such package' },
  SOFTWARE_UNKNOWN: { status: 404, meaning: 'nothing was done to that software of the endpoint' },
  FIRMWARE_UNKNOWN: { status: 404, meaning: 'the endpoint has had no update' },
  PACKAGE_COMPLETE: { status: 409, meaning: 'the package has all its bytes' },
  PACKAGE_INCOMPLETE: { status: 409, meaning: 'the package does not have all its bytes yet' },
  UPLOAD_BUSY: { status: 409, meaning: 'another part of the package is being uploaded' },
  OFFSET_MISMATCH: { status: 409, meaning: 'the upload goes on at another offset, which `detail` tells' },
  SOFTWARE_CHANGING: { status: 409, meaning: 'the device installs, activates or uninstalls, or is about to: nobody can stop it' },
  SOFTWARE_FULL: { status: 409, meaning: 'operations on as many instances of the device are under way as are kept' },
  FIRMWARE_INSTALLING: { status: 409, meaning: 'the device installs, or is about to: nobody can stop it' },
  CAMPAIGN_MALFORMED: { status: 400, meaning: 'no such campaign could ever be carried out; `faults` says why' },
  CAMPAIGN_UNKNOWN: { status: 404, meaning: 'there is no such campaign; those that ended are kept for thirty days' },
  CAMPAIGN_STATE: { status: 409, meaning: 'the campaign stands where this can not be done' },
  CAMPAIGN_OVERLAPS: { status: 409, meaning: 'another campaign has some of these devices, and this one does not supersede; `detail` names both' },
  CAMPAIGN_TARGETS_NONE: { status: 422, meaning: 'no device is selected' },
  CAMPAIGNS_FULL: { status: 429, meaning: 'as many campaigns as may run do' },
  UPLOAD_TOO_LARGE: { status: 413, meaning: 'more bytes came than were announced; nothing of them was kept' },
  RANGE_UNSATISFIABLE: { status: 416, meaning: 'the package ends before the range' },
  PACKAGE_HASH_MISMATCH: { status: 422, meaning: 'the bytes are not those of the announced SHA-256; nothing of them was kept' },
  SIGNATURE_MISSING: { status: 422, meaning: 'packages need a signature here' },
  SIGNATURE_KEY_UNKNOWN: { status: 422, meaning: 'no public key of this id and algorithm is configured' },
  SIGNATURE_UNSUITABLE: { status: 422, meaning: 'the package is too large for this algorithm' },
  SIGNATURE_INVALID: { status: 422, meaning: 'the signature is not that of the package; nothing of it was kept' },
  STORAGE_UNAVAILABLE: { status: 503, meaning: 'the storage of packages is away: repeat the request' },
  STORAGE_FULL: { status: 507, meaning: 'no room is left for the package; nothing of it was kept' },
  PACKAGES_FULL: { status: 507, meaning: 'there are as many packages as the cluster keeps' },
  PSK_SHARED: { status: 409, meaning: 'another device has this key' },
  IDENTITY_TAKEN: { status: 409, meaning: 'another device has this identity, key or certificate' },
  BODY_TOO_LARGE: { status: 413, meaning: 'the body is larger than the server takes' },
  MEDIA_TYPE_UNSUPPORTED: { status: 415, meaning: 'the body is not application/json' },
  IDEMPOTENCY_KEY_REUSED: { status: 422, meaning: 'the idempotency key was used for another request' },
  TEMPLATES_FULL: { status: 409, meaning: 'there are as many templates as the cluster holds' },
  COMMAND_RATE: { status: 429, meaning: 'the tenant submits commands faster than this replica takes them' },
  TENANT_QUEUE_FULL: { status: 429, meaning: 'as many commands, or bytes in them, as one tenant may have wait for its devices' },
  QUEUE_FULL: { status: 429, meaning: 'the queue of the device is full' },
  STREAM_RATE: { status: 429, meaning: 'event streams are opened too fast' },
  STREAMS_FULL: { status: 503, meaning: 'this replica serves as many event streams as it can' },
  REVOCATIONS_FULL: { status: 507, meaning: 'more certificates are revoked than a revocation list can carry' },
  STORE_UNAVAILABLE: { status: 503, meaning: 'the store is away; nothing is known about the request: repeat it' },
  SECRETS_MISSING: { status: 503, meaning: 'the server has no secret file, or not the secret that sealed this credential' },
  IDENTITY_PROVIDER_UNAVAILABLE: { status: 503, meaning: 'the OpenID provider is away, and its keys are not known: repeat the request' },
  EVENTS_UNAVAILABLE: { status: 503, meaning: 'the broker is away: repeat the request' },
  CONTENDED: { status: 503, meaning: 'the device changed under every attempt: repeat the request' },
} as const;
export type ProblemCode = keyof typeof problemCodes;

export interface RestAnswer {
  readonly description: string;
  readonly schema?: z.ZodType;
  readonly mediaType?: string;
  readonly example?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface RestRoute {
  readonly method: 'get' | 'put' | 'post' | 'patch' | 'delete';
  readonly path: string;
  readonly id: string;
  readonly tag: 'endpoints' | 'commands' | 'observations' | 'credentials' | 'groups' | 'jobs' | 'firmware' | 'bootstrap' | 'pki' | 'events' | 'operation';
  readonly summary: string;
  /** What the caller must be allowed to do; see {@link accessOf} for what is asked unless told. */
  readonly access?: Access;
  /** Of no single endpoint, its handler leaves out what is other tenants'. Else a route of no endpoint takes a grant for all tenants. */
  readonly leavesOutTenants?: true;
  /** Its handler asks for each command whether the caller may give it: grants that are limited to some count too. */
  readonly judgesCommands?: true;
  readonly query?: z.ZodObject;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: { readonly schema: z.ZodType; readonly examples: Readonly<Record<string, unknown>> };
  /** The body is bytes, not JSON. */
  readonly bytes?: true;
  readonly answers: Readonly<Record<number, RestAnswer>>;
  readonly problems: readonly ProblemCode[];
}

const ENDPOINT = '/api/v1/endpoints/{endpoint}';
const lookup = ['ENDPOINT_UNKNOWN', 'STORE_UNAVAILABLE'] as const;
const body = ['REQUEST_MALFORMED', 'BODY_TOO_LARGE', 'MEDIA_TYPE_UNSUPPORTED'] as const;

const endpointRoutes: readonly RestRoute[] = [
  {
    method: 'get', path: '/api/v1/endpoints', id: 'listEndpoints', tag: 'endpoints', leavesOutTenants: true,
    summary: 'Endpoints that are or were registered, in order of their names, by pages',
    query: endpointsQuery,
    answers: { 200: { description: 'a page; `next` is missing on the last', schema: endpointPage, example: restExamples.page } },
    problems: ['REQUEST_MALFORMED', 'STORE_UNAVAILABLE'],
  },
  {
    method: 'get', path: ENDPOINT, id: 'getEndpoint', tag: 'endpoints', summary: 'The registration and state of one endpoint',
    answers: { 200: { description: 'its state now', schema: endpointView, example: restExamples.endpoint } },
    problems: lookup,
  },
  {
    method: 'delete', path: ENDPOINT, id: 'forgetEndpoint', tag: 'endpoints',
    summary: 'Removes labels, settings and desired observations; an endpoint that is not registered is forgotten',
    answers: { 204: { description: 'removed; a registration goes on' } },
    problems: [...lookup, 'CONTENDED'],
  },
  {
    method: 'get', path: `${ENDPOINT}/labels`, id: 'getLabels', tag: 'endpoints', summary: 'The labels by which the endpoint is selected',
    answers: { 200: { description: 'its labels', schema: labels, example: restExamples.labels } },
    problems: lookup,
  },
  {
    method: 'put', path: `${ENDPOINT}/labels`, id: 'setLabels', tag: 'endpoints',
    summary: 'Replaces the labels; an endpoint that is not there is prepared for its first Register',
    body: { schema: labels, examples: { labels: restExamples.labels } },
    answers: { 200: { description: 'stored; the directory follows with the event', schema: labels, example: restExamples.labels } },
    problems: [...body, 'STORE_UNAVAILABLE', 'CONTENDED'],
  },
  {
    method: 'get', path: `${ENDPOINT}/settings`, id: 'getSettings', tag: 'endpoints', summary: 'How the endpoint is served',
    answers: { 200: { description: 'its settings', schema: deviceSettings, example: restExamples.settings } },
    problems: lookup,
  },
  {
    method: 'put', path: `${ENDPOINT}/settings`, id: 'setSettings', tag: 'endpoints',
    summary: 'Replaces the settings; an endpoint that is not there is prepared for its first Register',
    body: { schema: deviceSettings, examples: { settings: restExamples.settings } },
    answers: { 200: { description: 'stored', schema: deviceSettings, example: restExamples.settings } },
    problems: [...body, 'STORE_UNAVAILABLE', 'CONTENDED'],
  },
  {
    method: 'put', path: `${ENDPOINT}/tenant`, id: 'setTenant', tag: 'endpoints', access: 'administer',
    summary: 'Gives the endpoint to a tenant; one that is not there is prepared for its first Register',
    body: { schema: tenantOfEndpoint, examples: { tenant: { tenant: 'acme' } } },
    answers: { 200: { description: 'stored; its next events carry it', schema: tenantOfEndpoint, example: { tenant: 'acme' } } },
    problems: [...body, 'STORE_UNAVAILABLE', 'CONTENDED'],
  },
  {
    method: 'delete', path: `${ENDPOINT}/registration`, id: 'dropRegistration', tag: 'endpoints',
    summary: 'Drops the registration: the next Update gets 4.04, and the device registers anew',
    answers: { 204: { description: 'dropped' } },
    problems: [...lookup, 'CONTENDED'],
  },
  {
    method: 'get', path: `${ENDPOINT}/advice`, id: 'getAdvice', tag: 'endpoints',
    summary: 'Whether lifetime, observation periods and power saving of a cellular device fit each other',
    answers: { 200: { description: 'what is known, and what does not fit', schema: adviceView, example: restExamples.advice } },
    problems: lookup,
  },
  {
    method: 'get', path: `${ENDPOINT}/values`, id: 'getValues', tag: 'endpoints', summary: 'The last known value of each path',
    answers: { 200: { description: 'values with their times', schema: valueList, example: restExamples.values } },
    problems: lookup,
  },
];

const commandRoutes: readonly RestRoute[] = [
  {
    method: 'post', path: `${ENDPOINT}/commands`, id: 'submitCommand', tag: 'commands', judgesCommands: true,
    summary: 'Queues one command; with `wait` it answers when the device did',
    query: commandQuery,
    headers: { 'Idempotency-Key': 'the same as `idempotencyKey` in the body: a command with a key seen within 24 h is not queued again' },
    body: { schema: commandRequest, examples: restExamples.commands },
    answers: {
      200: { description: 'the device answered, or the command ended without it, within `wait`', schema: commandStatus, example: restExamples.done },
      202: {
        description: 'stored; it is not lost from here on', schema: commandStatus, example: restExamples.queued,
        headers: { Location: 'address of the command' },
      },
    },
    problems: [...body, 'COMMAND_MALFORMED', 'IDEMPOTENCY_KEY_REUSED', 'QUEUE_FULL', 'TENANT_QUEUE_FULL', 'COMMAND_RATE', ...lookup, 'CONTENDED'],
  },
  {
    method: 'get', path: `${ENDPOINT}/commands`, id: 'listCommands', tag: 'commands', summary: "The endpoint's commands",
    answers: { 200: { description: 'newest first', schema: commandList, example: [restExamples.queued] } },
    problems: lookup,
  },
  {
    method: 'get', path: `${ENDPOINT}/commands/{id}`, id: 'getCommand', tag: 'commands', summary: 'One command and where it stands',
    answers: { 200: { description: 'its state', schema: commandStatus, example: restExamples.done } },
    problems: ['COMMAND_UNKNOWN', 'STORE_UNAVAILABLE'],
  },
  {
    method: 'delete', path: `${ENDPOINT}/commands/{id}`, id: 'cancelCommand', tag: 'commands', judgesCommands: true, summary: "Cancels a command that isn't in flight",
    answers: { 204: { description: 'cancelled: it will not be sent' } },
    problems: ['COMMAND_UNKNOWN', 'COMMAND_IN_FLIGHT', 'COMMAND_FINISHED', 'STORE_UNAVAILABLE', 'CONTENDED'],
  },
];

const observationRoutes: readonly RestRoute[] = [
  {
    method: 'get', path: `${ENDPOINT}/observations`, id: 'getObservations', tag: 'observations', summary: 'What should be observed, and what is',
    answers: { 200: { description: 'the desired state', schema: observationList, example: restExamples.observations } },
    problems: lookup,
  },
  {
    method: 'put', path: `${ENDPOINT}/observations`, id: 'setObservations', tag: 'observations', judgesCommands: true, summary: 'Replaces what should be observed',
    body: { schema: desiredObservationList, examples: { list: restExamples.desired } },
    answers: { 200: { description: 'stored; the cluster brings the device there', schema: observationList, example: restExamples.observations } },
    problems: [...body, 'OBSERVATIONS_MALFORMED', ...lookup, 'CONTENDED'],
  },
  {
    method: 'delete', path: `${ENDPOINT}/observations`, id: 'clearObservations', tag: 'observations', judgesCommands: true, summary: 'Observes nothing any more',
    answers: { 204: { description: 'stored' } },
    problems: [...lookup, 'CONTENDED'],
  },
];

const TEMPLATES = '/api/v1/observation-templates';

const templateRoutes: readonly RestRoute[] = [
  {
    method: 'get', path: TEMPLATES, id: 'listTemplates', tag: 'observations', leavesOutTenants: true, summary: 'All observation templates',
    answers: { 200: { description: 'in order of their names', schema: observationTemplateList, example: [restExamples.templateView] } },
    problems: ['STORE_UNAVAILABLE'],
  },
  {
    method: 'put', path: `${TEMPLATES}/{name}`, id: 'putTemplate', tag: 'observations', leavesOutTenants: true,
    summary: 'Sets what should be observed at every device that matches',
    body: { schema: observationTemplate, examples: { template: restExamples.template } },
    answers: {
      200: { description: 'stored; the cluster brings every matching device there', schema: observationTemplateView, example: restExamples.templateView },
    },
    problems: [...body, 'TEMPLATE_MALFORMED', 'NAME_TAKEN', 'TEMPLATES_FULL', 'STORE_UNAVAILABLE'],
  },
  {
    method: 'get', path: `${TEMPLATES}/{name}`, id: 'getTemplate', tag: 'observations', leavesOutTenants: true, summary: 'One observation template',
    answers: { 200: { description: 'the template', schema: observationTemplateView, example: restExamples.templateView } },
    problems: ['TEMPLATE_UNKNOWN', 'STORE_UNAVAILABLE'],
  },
  {
    method: 'get', path: `${TEMPLATES}/{name}/endpoints`, id: 'listTemplateEndpoints', tag: 'observations', leavesOutTenants: true,
    summary: 'The endpoints with observations that the template decides, and how many of them stand in which state',
    query: pageQuery,
    answers: {
      200: {
        description: 'in order of their names; a page may be short, or empty, though others follow: `next` is missing on the last', schema: templateEndpoints,
        example: { endpoints: [{ endpoint: 'urn:imei:350457790000000', wanted: 0, active: 2, refused: 1 }] },
      },
    },
    problems: ['REQUEST_MALFORMED', 'TEMPLATE_UNKNOWN', 'STORE_UNAVAILABLE'],
  },
  {
    method: 'get', path: `${TEMPLATES}/{name}/totals`, id: 'getTemplateTotals', tag: 'observations',
    summary: 'How many endpoints the template decides for, and how many of them are observed as it wants',
    answers: {
      200: {
        description: 'counted when asked for: what was counted within five seconds, or not longer than ten seconds ago', schema: templateTotals,
        example: {
          endpoints: 10_000, observed: 9_870, waiting: 120, refused: 10, observations: { wanted: 121, active: 19_869, refused: 10 }, complete: true,
          countedAt: '2026-03-01T09:00:00.000Z',
        },
      },
    },
    problems: ['TEMPLATE_UNKNOWN', 'STORE_UNAVAILABLE'],
  },
  {
    method: 'delete', path: `${TEMPLATES}/{name}`, id: 'deleteTemplate', tag: 'observations', leavesOutTenants: true,
    summary: 'Removes a template; what it alone wanted is cancelled at every device',
    answers: { 204: { description: 'removed' } },
    problems: ['TEMPLATE_UNKNOWN', 'STORE_UNAVAILABLE'],
  },
];

const credentialRoutes: readonly RestRoute[] = [
  {
    method: 'get', path: `${ENDPOINT}/credentials`, id: 'getCredentials', tag: 'credentials',
    summary: 'What the endpoint may prove itself with; no secret is shown',
    answers: { 200: { description: 'in order of their versions', schema: credentialList, example: restExamples.credentials } },
    problems: [...lookup, 'SECRETS_MISSING'],
  },
  {
    method: 'put', path: `${ENDPOINT}/credentials`, id: 'setCredentials', tag: 'credentials',
    summary: 'Sets one credential of each kind that is named; the one that it replaces stays valid until the new one is used, or for `overlapS`',
    body: { schema: credentialsRequest, examples: restExamples.credentialRequests },
    answers: { 200: { description: 'stored; an endpoint that is not there is prepared for its first Register', schema: credentialList, example: restExamples.credentials } },
    problems: [...body, 'CREDENTIALS_MALFORMED', 'PSK_TOO_SHORT', 'PSK_SHARED', 'IDENTITY_TAKEN', 'SECRETS_MISSING', 'STORE_UNAVAILABLE', 'CONTENDED'],
  },
  {
    method: 'delete', path: `${ENDPOINT}/credentials`, id: 'revokeCredentials', tag: 'credentials',
    summary: 'Revokes all credentials: what was made with them ends within 10 s on every worker',
    answers: { 204: { description: 'revoked' } },
    problems: [...lookup, 'SECRETS_MISSING', 'CONTENDED'],
  },
  {
    method: 'delete', path: `${ENDPOINT}/credentials/{version}`, id: 'revokeCredential', tag: 'credentials', summary: 'Revokes one credential',
    answers: { 204: { description: 'revoked' } },
    problems: ['REQUEST_MALFORMED', 'CREDENTIAL_UNKNOWN', ...lookup, 'SECRETS_MISSING', 'CONTENDED'],
  },
];

const operationRoutes: readonly RestRoute[] = [
  {
    method: 'get', path: '/api/v1/events', id: 'streamEvents', tag: 'events', leavesOutTenants: true,
    summary: 'Events as they happen, as server-sent events; resumes on any replica',
    query: eventsQuery,
    headers: { 'Last-Event-ID': 'goes on after this event; where events in between are kept no longer, an event `gap` says so' },
    answers: { 200: { description: 'the stream; it ends only by disconnection', mediaType: 'text/event-stream', example: restExamples.eventStream } },
    problems: ['REQUEST_MALFORMED', 'LAST_EVENT_ID_MALFORMED', 'STREAM_RATE', 'STREAMS_FULL', 'EVENTS_UNAVAILABLE'],
  },
  {
    method: 'get', path: '/health/live', id: 'getLiveness', tag: 'operation', summary: 'Whether the process answers',
    answers: { 200: { description: 'it does', schema: liveness, example: { status: 'up' } } },
    problems: [],
  },
  {
    method: 'get', path: '/health/ready', id: 'getReadiness', tag: 'operation', summary: 'Whether every part that answers depend on works',
    answers: {
      200: { description: 'all do', schema: readiness, example: { status: 'up', parts: { store: { status: 'up' } } } },
      503: {
        description: 'some do not', schema: readiness,
        example: { status: 'down', parts: { store: { status: 'down', reason: 'no answer within 2000 ms' } } },
      },
    },
    problems: [],
  },
  {
    method: 'get', path: '/metrics', id: 'getMetrics', tag: 'operation', summary: 'Metrics in the Prometheus exposition format',
    answers: { 200: { description: 'metrics', mediaType: 'text/plain', example: '# TYPE http_requests_total counter\n' } },
    problems: [],
  },
];

export const restRoutes: readonly RestRoute[] = [
  ...endpointRoutes, ...commandRoutes, ...observationRoutes, ...credentialRoutes, ...templateRoutes, ...fleetRoutes, ...operationRoutes,
];
