/** REST routes of bootstrap configurations: with a name, of one endpoint, and what a device would get. */
import {
  bootstrapConfiguration, bootstrapConfigurationList, bootstrapConfigurationView, bootstrapPreview, bootstrapPreviewQuery, endpointBootstrap, endpointBootstrapView,
} from './bootstrap.ts';
import { bootstrapExamples } from './bootstrap-examples.ts';
import type { RestRoute } from './rest-routes.ts';

const ALL = '/api/v1/bootstrap/configurations';
const ONE = `${ALL}/{name}`;
const OWN = '/api/v1/endpoints/{endpoint}/bootstrap/configuration';
const { view, list, ownView, preview } = bootstrapExamples;
const body = ['REQUEST_MALFORMED', 'BODY_TOO_LARGE', 'MEDIA_TYPE_UNSUPPORTED'] as const;
const written = [...body, 'BOOTSTRAP_CONFIGURATION_MALFORMED', 'BOOTSTRAP_CONFIGURATIONS_FULL', 'STORE_UNAVAILABLE', 'CONTENDED'] as const;

export const bootstrapConfigurationRoutes: readonly RestRoute[] = [
  {
    method: 'get', path: ALL, id: 'listBootstrapConfigurations', tag: 'bootstrap', leavesOutTenants: true, summary: 'All bootstrap configurations that have a name',
    answers: { 200: { description: 'in order of their names', schema: bootstrapConfigurationList, example: list } },
    problems: ['STORE_UNAVAILABLE'],
  },
  {
    method: 'get', path: ONE, id: 'getBootstrapConfiguration', tag: 'bootstrap', leavesOutTenants: true, summary: 'One bootstrap configuration, without its secrets',
    answers: { 200: { description: 'as it was set', schema: bootstrapConfigurationView, example: view } },
    problems: ['BOOTSTRAP_CONFIGURATION_UNKNOWN', 'STORE_UNAVAILABLE'],
  },
  {
    method: 'put', path: ONE, id: 'setBootstrapConfiguration', tag: 'bootstrap', leavesOutTenants: true,
    summary: 'Sets a bootstrap configuration; it counts for sessions that begin two seconds later',
    body: { schema: bootstrapConfiguration, examples: bootstrapExamples.configurations },
    answers: { 200: { description: 'stored', schema: bootstrapConfigurationView, example: view } },
    problems: [...written, 'NAME_TAKEN'],
  },
  {
    method: 'delete', path: ONE, id: 'deleteBootstrapConfiguration', tag: 'bootstrap', leavesOutTenants: true,
    summary: 'Forgets a bootstrap configuration; endpoints that it is assigned to by name get none',
    answers: { 204: { description: 'forgotten' } },
    problems: ['BOOTSTRAP_CONFIGURATION_UNKNOWN', 'STORE_UNAVAILABLE'],
  },
  {
    method: 'get', path: OWN, id: 'getEndpointBootstrapConfiguration', tag: 'bootstrap', summary: 'What is assigned to this very endpoint',
    answers: { 200: { description: 'the name of a configuration, or a document of its own without its secrets', schema: endpointBootstrapView, example: ownView } },
    problems: ['BOOTSTRAP_CONFIGURATION_UNKNOWN', 'STORE_UNAVAILABLE'],
  },
  {
    method: 'put', path: OWN, id: 'setEndpointBootstrapConfiguration', tag: 'bootstrap',
    summary: 'Assigns a configuration to this endpoint, or gives it a document of its own; ends a quarantine',
    body: { schema: endpointBootstrap, examples: bootstrapExamples.endpoint },
    answers: { 200: { description: 'stored, also for an endpoint that nobody knows yet', schema: endpointBootstrapView, example: ownView } },
    problems: [...written, 'BOOTSTRAP_CONFIGURATION_UNKNOWN'],
  },
  {
    method: 'delete', path: OWN, id: 'deleteEndpointBootstrapConfiguration', tag: 'bootstrap',
    summary: 'Leaves the endpoint to groups and the default; ends a quarantine',
    answers: { 204: { description: 'forgotten' } },
    problems: ['BOOTSTRAP_CONFIGURATION_UNKNOWN', 'STORE_UNAVAILABLE'],
  },
  {
    method: 'get', path: '/api/v1/endpoints/{endpoint}/bootstrap/preview', id: 'previewBootstrap', tag: 'bootstrap',
    summary: 'What the endpoint would get if it came now; nothing is made for it',
    query: bootstrapPreviewQuery,
    answers: { 200: { description: 'without secrets and what is made when the session begins', schema: bootstrapPreview, example: preview } },
    problems: ['REQUEST_MALFORMED', 'BOOTSTRAP_NONE', 'STORE_UNAVAILABLE'],
  },
];
