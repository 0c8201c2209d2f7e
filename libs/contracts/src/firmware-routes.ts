/** The REST routes of firmware: packages, the update of one device, and the files that devices fetch. */
import { z } from 'zod';
import { firmwareRequest, firmwareUpdatePage, firmwareUpdatesQuery, type FirmwareView, firmwareView, type packageRequest, packageRequest as announcement, type PackageView, packageView } from './firmware.ts';
import { campaignRoutes } from './campaign-routes.ts';
import type { RestRoute } from './rest-routes.ts';
import { softwareRoutes } from './software-routes.ts';

const PACKAGE = '/api/v1/firmware/packages/{id}';
const UPDATE = '/api/v1/endpoints/{endpoint}/firmware';
const body = ['REQUEST_MALFORMED', 'BODY_TOO_LARGE', 'MEDIA_TYPE_UNSUPPORTED'] as const;

const announced: z.input<typeof packageRequest> = {
  version: '2.4.1', name: 'lamp controller', size: 1_048_576, sha256: '30e14955ebf1352266dc2ff8067e68104607e750abb9d3b36582b8af909fcb58',
  target: { manufacturer: 'ACME', model: 'L7' },
};
const view: PackageView = {
  id: 'pYw1kJx0Q2mG7nVbT4sZdA', state: 'ready', version: '2.4.1', name: 'lamp controller', size: 1_048_576, received: 1_048_576, sha256: announced.sha256,
  target: { manufacturer: 'ACME', model: 'L7' }, createdAt: '2026-03-01T09:00:00.000Z',
};
const wanted: z.input<typeof firmwareRequest> = { package: view.id };
const careful: z.input<typeof firmwareRequest> = { package: view.id, keep: ['/1', '/2'] };
const update: FirmwareView = {
  endpoint: 'urn:dev:1', update: 'k3v9q2m8x7ab', package: view.id, version: '2.4.1', stage: 'downloading', since: '2026-03-01T09:10:00.000Z',
  startedAt: '2026-03-01T09:09:58.000Z', reason: 'the device downloads', delivery: 'pull', device: { state: 1, result: 0, version: '2.3.0' },
};
export const firmwareExamples = { announced, view, wanted, update };

const packageRoutes: readonly RestRoute[] = [
  {
    method: 'post', path: '/api/v1/firmware/packages', id: 'announcePackage', tag: 'firmware', summary: 'Announces a package, whose bytes come next',
    body: { schema: announcement, examples: { package: announced } },
    answers: { 201: { description: 'its id, and where its upload stands', schema: packageView, example: { ...view, state: 'uploading', received: 0 }, headers: { Location: 'its address' } } },
    problems: [...body, 'SIGNATURE_MISSING', 'SIGNATURE_KEY_UNKNOWN', 'SIGNATURE_UNSUITABLE', 'PACKAGES_FULL', 'STORE_UNAVAILABLE'],
  },
  {
    method: 'get', path: '/api/v1/firmware/packages', id: 'listPackages', tag: 'firmware', summary: 'All packages, newest first',
    answers: { 200: { description: 'those that are being uploaded, too', schema: z.array(packageView), example: [view] } },
    problems: ['STORE_UNAVAILABLE', 'STORAGE_UNAVAILABLE'],
  },
  {
    method: 'get', path: PACKAGE, id: 'getPackage', tag: 'firmware', summary: 'One package; `received` tells where its upload goes on',
    answers: { 200: { description: 'the package', schema: packageView, example: view } },
    problems: ['PACKAGE_UNKNOWN', 'STORE_UNAVAILABLE', 'STORAGE_UNAVAILABLE'],
  },
  {
    method: 'patch', path: `${PACKAGE}/content`, id: 'uploadPackage', tag: 'firmware', bytes: true,
    summary: 'Adds bytes to an upload; the last ones complete the package, after its hash and signature are checked',
    headers: { 'Upload-Offset': 'where the bytes begin: what the package shows as `received`' },
    answers: { 200: { description: 'where it stands now', schema: packageView, example: view } },
    problems: [
      'REQUEST_MALFORMED', 'MEDIA_TYPE_UNSUPPORTED', 'PACKAGE_UNKNOWN', 'PACKAGE_COMPLETE', 'UPLOAD_BUSY', 'OFFSET_MISMATCH', 'UPLOAD_TOO_LARGE', 'PACKAGE_HASH_MISMATCH',
      'SIGNATURE_INVALID', 'STORAGE_FULL', 'STORAGE_UNAVAILABLE', 'STORE_UNAVAILABLE',
    ],
  },
  {
    method: 'delete', path: PACKAGE, id: 'deletePackage', tag: 'firmware', summary: 'Removes a package; what edges have of it in memory may still go to devices that fetch it',
    answers: { 204: { description: 'removed' } },
    problems: ['PACKAGE_UNKNOWN', 'STORE_UNAVAILABLE', 'STORAGE_UNAVAILABLE'],
  },
];

const updateRoutes: readonly RestRoute[] = [
  {
    method: 'get', path: '/api/v1/firmware/updates', id: 'listUpdates', tag: 'firmware', query: firmwareUpdatesQuery,
    summary: 'The last update of each device, at one stage or with one outcome, in order of their names, by pages',
    answers: { 200: { description: 'a page; `next` is missing on the last', schema: firmwareUpdatePage, example: { updates: [update], next: 'dXJuOmRldjox' } } },
    problems: ['REQUEST_MALFORMED', 'STORE_UNAVAILABLE'],
  },
  {
    method: 'put', path: UPDATE, id: 'setFirmware', tag: 'firmware', summary: 'Begins to bring a device to a package; the same again is the same update',
    body: { schema: firmwareRequest, examples: { package: wanted, keepingConfiguration: careful } },
    answers: { 202: { description: 'begun', schema: firmwareView, example: update } },
    problems: [...body, 'ENDPOINT_UNKNOWN', 'PACKAGE_UNKNOWN', 'PACKAGE_INCOMPLETE', 'FIRMWARE_INSTALLING', 'SECRETS_MISSING', 'STORE_UNAVAILABLE', 'EVENTS_UNAVAILABLE', 'CONTENDED'],
  },
  {
    method: 'get', path: UPDATE, id: 'getFirmware', tag: 'firmware', summary: 'Where the last update of a device stands, and why',
    answers: { 200: { description: 'the update', schema: firmwareView, example: update } },
    problems: ['FIRMWARE_UNKNOWN', 'STORE_UNAVAILABLE'],
  },
  {
    method: 'delete', path: UPDATE, id: 'cancelFirmware', tag: 'firmware', summary: 'Cancels an update that has not come to the installation',
    answers: { 202: { description: 'the device is made to give the package up', schema: firmwareView, example: { ...update, stage: 'cancelling' } } },
    problems: ['FIRMWARE_UNKNOWN', 'FIRMWARE_INSTALLING', 'STORE_UNAVAILABLE', 'CONTENDED'],
  },
  {
    method: 'get', path: '/fw/{link}', id: 'fetchPackage', tag: 'firmware', access: 'open', summary: 'The bytes of a package, for the device that the link was made for',
    headers: { Range: 'one range of bytes', 'If-Range': 'the ETag that was given before' },
    answers: {
      200: { description: 'all of it', mediaType: 'application/octet-stream', example: 'the bytes of the package' },
      206: { description: 'the range', mediaType: 'application/octet-stream', example: 'bytes of the package' },
    },
    problems: ['PACKAGE_UNKNOWN', 'RANGE_UNSATISFIABLE', 'STORE_UNAVAILABLE', 'STORAGE_UNAVAILABLE'],
  },
];

export const firmwareRoutes: readonly RestRoute[] = [...packageRoutes, ...updateRoutes, ...softwareRoutes, ...campaignRoutes];
