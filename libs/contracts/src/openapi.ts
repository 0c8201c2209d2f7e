/** The OpenAPI 3.1 document of the REST face, made from the route table and the zod schemas. */
import { z } from 'zod';
import { accessOf, accessOfRole, role } from './access.ts';
import { bootstrapConfiguration, bootstrapPreview } from './bootstrap.ts';
import { bootstrapSessionPage, bootstrapSessionView, bootstrapTrigger } from './bootstrap-sessions.ts';
import { attributes, commandRequest, commandResponse, commandStatus } from './commands.ts';
import { desiredObservation, endpointPage, endpointSummary, endpointView, lastValue, observationView, problem } from './endpoints.ts';
import { firmwareRequest, firmwareView, packageRequest, packageView } from './firmware.ts';
import { group, jobCommand, jobDevice, jobDevicePage, jobRequest, jobView, selector } from './fleet.ts';
import { credentialsRequest, credentialView } from './credentials.ts';
import { deviceSettings, labels } from './profile.ts';
import { observationTemplate, observationTemplateView } from './observation-templates.ts';
import { softwareRequest, softwareView } from './software.ts';
import { streamedEvent, streamGap } from './rest.ts';
import { type ProblemCode, problemCodes, type RestAnswer, type RestRoute, restRoutes } from './rest-routes.ts';
import { resourceValue } from './values.ts';

type Json = Record<string, unknown>;

const named = {
  BootstrapConfiguration: bootstrapConfiguration,
  BootstrapPreview: bootstrapPreview,
  BootstrapSession: bootstrapSessionView,
  BootstrapSessionPage: bootstrapSessionPage,
  BootstrapTrigger: bootstrapTrigger,
  Attributes: attributes,
  CommandRequest: commandRequest,
  CommandResponse: commandResponse,
  CommandStatus: commandStatus,
  CredentialView: credentialView,
  CredentialsRequest: credentialsRequest,
  DesiredObservation: desiredObservation,
  DeviceSettings: deviceSettings,
  FirmwarePackage: packageView,
  FirmwarePackageRequest: packageRequest,
  FirmwareRequest: firmwareRequest,
  FirmwareUpdate: firmwareView,
  Group: group,
  Job: jobView,
  JobCommand: jobCommand,
  JobDevice: jobDevice,
  JobDevicePage: jobDevicePage,
  JobRequest: jobRequest,
  Selector: selector,
  EndpointPage: endpointPage,
  EndpointSummary: endpointSummary,
  EndpointView: endpointView,
  Labels: labels,
  LastValue: lastValue,
  ObservationTemplate: observationTemplate,
  ObservationTemplateView: observationTemplateView,
  ObservationView: observationView,
  Problem: problem,
  ResourceValue: resourceValue,
  SoftwareRequest: softwareRequest,
  SoftwareView: softwareView,
  StreamGap: streamGap,
  StreamedEvent: streamedEvent,
} as const;

const refOf = (id: string) => `#/components/schemas/${id}`;

function componentSchemas(): Json {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(named)) registry.add(schema, { id });
  const { schemas } = z.toJSONSchema(registry, { uri: refOf, io: 'input' });
  return Object.fromEntries(Object.entries(schemas).map(([id, schema]) => [id, bare(schema)]));
}

/** Without what only a schema on its own has. */
function bare({ $schema: _schema, $id: _id, ...rest }: Json): Json {
  return rest;
}

function schemaOf(schema: z.ZodType): Json {
  const id = Object.entries(named).find(([, candidate]) => candidate === schema)?.[0];
  if (id !== undefined) return { $ref: refOf(id) };
  if (schema instanceof z.ZodArray) {
    return { type: 'array', items: schemaOf(schema.element as z.ZodType), ...(schema.description ? { description: schema.description } : {}) };
  }
  return bare(z.toJSONSchema(schema, { io: 'input' }) as Json);
}

function queryParameters(query: z.ZodObject): Json[] {
  const { properties = {} } = z.toJSONSchema(query, { io: 'output' });
  return Object.entries(properties).map(([name, schema]) => {
    const { description, ...rest } = schema as Json;
    return { name, in: 'query', required: false, ...(description === undefined ? {} : { description }), schema: rest };
  });
}

const PARAMETERS: Readonly<Record<string, string>> = {
  endpoint: 'endpoint name, percent-encoded: a slash in it is %2F',
  name: 'name of the group or template',
  version: 'version of the credential',
};

function pathParameters(path: string): Json[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    description: PARAMETERS[name ?? ''] ?? 'an id that was given out before',
    schema: { type: 'string', minLength: 1 },
  }));
}

function headerParameters(headers: Readonly<Record<string, string>>): Json[] {
  return Object.entries(headers).map(([name, description]) => ({ name, in: 'header', required: false, description, schema: { type: 'string' } }));
}

function answer({ description, schema, mediaType = 'application/json', example, headers }: RestAnswer): Json {
  const content = { schema: schema === undefined ? { type: 'string' } : schemaOf(schema), ...(example === undefined ? {} : { example }) };
  return {
    description,
    ...(headers === undefined ? {} : { headers: responseHeaders(headers) }),
    ...(schema === undefined && example === undefined ? {} : { content: { [mediaType]: content } }),
  };
}

function responseHeaders(headers: Readonly<Record<string, string>>): Json {
  return Object.fromEntries(Object.entries(headers).map(([name, description]) => [name, { description, schema: { type: 'string' } }]));
}

/** One answer for each status, with an example for each code. */
function problemAnswers(codes: readonly ProblemCode[]): Json {
  const answers: Json = {};
  for (const [status, group] of Map.groupBy(codes, (code) => problemCodes[code].status)) {
    const examples = Object.fromEntries(group.map((code) => [code, { summary: problemCodes[code].meaning, value: problemExample(code) }]));
    answers[status] = {
      description: group.map((code) => `${code}: ${problemCodes[code].meaning}`).join(' · '),
      ...(status === 503 || status === 429 ? { headers: { 'Retry-After': { description: 'seconds', schema: { type: 'integer' } } } } : {}),
      content: { 'application/problem+json': { schema: { $ref: refOf('Problem') }, examples } },
    };
  }
  return answers;
}

function problemExample(code: ProblemCode): Json {
  const { status, meaning } = problemCodes[code];
  return { type: `urn:lwm2m:problem:${code.toLowerCase().replaceAll('_', '-')}`, title: meaning, status, code };
}

function operationOf(route: RestRoute): Json {
  const parameters = [
    ...pathParameters(route.path),
    ...(route.query === undefined ? [] : queryParameters(route.query)),
    ...headerParameters(route.headers ?? {}),
  ];
  const answers = Object.fromEntries(Object.entries(route.answers).map(([status, of]) => [status, answer(of)]));
  return {
    operationId: route.id,
    tags: [route.tag],
    summary: route.summary,
    ...securityOf(route),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(route.body === undefined ? {} : { requestBody: requestBody(route.body) }),
    ...(route.bytes === true ? { requestBody: BYTES } : {}),
    responses: { ...answers, ...problemAnswers(problemsOf(route)) },
  };
}

/** Who may: shown as the scopes of the token scheme, though no provider has to know them. */
function securityOf(route: RestRoute): Json {
  const access = accessOf(route);
  if (access === 'open') return { security: [] };
  const roles = role.options.filter((name) => accessOfRole[name].includes(access));
  return { security: [{ apiKey: roles }, { token: roles }] };
}

/** The problems of a route, with those of access to it. */
export function problemsOf(route: RestRoute): readonly ProblemCode[] {
  return accessOf(route) === 'open' ? route.problems : ['UNAUTHENTICATED', 'ACCESS_DENIED', 'IDENTITY_PROVIDER_UNAVAILABLE', ...route.problems];
}

const securitySchemes: Json = {
  apiKey: { type: 'apiKey', in: 'header', name: 'X-Api-Key', description: 'a static key' },
  token: { type: 'http', scheme: 'bearer', description: 'a token of the OpenID provider, or a static key. The names are the roles that may' },
};

const BYTES: Json = { required: true, content: { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } } };

function requestBody({ schema, examples }: NonNullable<RestRoute['body']>): Json {
  const named = Object.fromEntries(Object.entries(examples).map(([name, value]) => [name, { value }]));
  return { required: true, content: { 'application/json': { schema: schemaOf(schema), examples: named } } };
}

/** The document of the routes that a process serves. `version` is the version of the API's software. */
export function openApiDocument(version: string, routes: readonly RestRoute[] = restRoutes): Json {
  const paths: Record<string, Json> = {};
  for (const route of routes) (paths[route.path] ??= {})[route.method] = operationOf(route);
  return {
    openapi: '3.1.0',
    info: {
      title: 'LwM2M server',
      version,
      description: 'Endpoints, their commands, observations and values, and the stream of their events.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    tags: [...new Set(routes.map(({ tag }) => tag))].map((name) => ({ name })),
    paths,
    components: { schemas: componentSchemas(), securitySchemes },
  };
}
