/** The REST routes of software: what is done to each instance of a device's object 9. */
import { z } from 'zod';
import type { RestRoute } from './rest-routes.ts';
import { softwareRequest, softwareView, type SoftwareView } from './software.ts';

const SOFTWARE = '/api/v1/endpoints/{endpoint}/software';
const ONE = `${SOFTWARE}/{instance}`;
const body = ['REQUEST_MALFORMED', 'BODY_TOO_LARGE', 'MEDIA_TYPE_UNSUPPORTED'] as const;

const wanted: z.input<typeof softwareRequest> = { package: 'pYw1kJx0Q2mG7nVbT4sZdA', state: 'active' };
const removed: z.input<typeof softwareRequest> = { state: 'absent' };
const view: SoftwareView = {
  endpoint: 'urn:dev:1', instance: 0, operation: 'k3v9q2m8x7ab', state: 'active', package: 'pYw1kJx0Q2mG7nVbT4sZdA', version: '3.1', stage: 'installing',
  since: '2026-03-01T09:10:00.000Z', startedAt: '2026-03-01T09:09:58.000Z', reason: 'the device installs', delivery: 'pull',
  device: { state: 3, result: 3, active: false, name: 'meter', version: '3.1' },
};

export const softwareRoutes: readonly RestRoute[] = [
  {
    method: 'get', path: SOFTWARE, id: 'listSoftware', tag: 'firmware', summary: 'The last operation on each instance of object 9 of a device',
    answers: { 200: { description: 'in order of the instances', schema: z.array(softwareView), example: [view] } },
    problems: ['STORE_UNAVAILABLE'],
  },
  {
    method: 'put', path: ONE, id: 'setSoftware', tag: 'firmware',
    summary: 'Begins to install, activate, deactivate or uninstall a software; the same again is the same operation',
    body: { schema: softwareRequest, examples: { install: wanted, uninstall: removed } },
    answers: { 202: { description: 'begun', schema: softwareView, example: { ...view, stage: 'inquiring' } } },
    problems: [...body, 'ENDPOINT_UNKNOWN', 'PACKAGE_UNKNOWN', 'PACKAGE_INCOMPLETE', 'SOFTWARE_CHANGING', 'SOFTWARE_FULL', 'STORE_UNAVAILABLE', 'EVENTS_UNAVAILABLE', 'CONTENDED'],
  },
  {
    method: 'get', path: ONE, id: 'getSoftware', tag: 'firmware', summary: 'Where the last operation on a software stands, and why',
    answers: { 200: { description: 'the operation', schema: softwareView, example: view } },
    problems: ['REQUEST_MALFORMED', 'SOFTWARE_UNKNOWN', 'STORE_UNAVAILABLE'],
  },
  {
    method: 'delete', path: ONE, id: 'cancelSoftware', tag: 'firmware', summary: 'Cancels an operation that has changed nothing of what is installed',
    answers: { 202: { description: 'the device is made to give the package up', schema: softwareView, example: { ...view, stage: 'cancelling' } } },
    problems: ['REQUEST_MALFORMED', 'SOFTWARE_UNKNOWN', 'SOFTWARE_CHANGING', 'STORE_UNAVAILABLE', 'CONTENDED'],
  },
];
