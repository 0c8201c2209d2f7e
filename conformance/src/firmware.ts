/** Firmware as operators handle it over REST, for test cases. */
import { createHash } from 'node:crypto';
import { eventTypes, type FirmwareChangedValue, type FirmwareRequest, firmwareView, type FirmwareView, packageView } from '@cluster/contracts';
import { expect } from 'vitest';
import type { Trial } from './trial.ts';

/** An image of some blocks and a bit, which nobody takes for another one. */
export const imageOf = (text: string, length = 20_500): Buffer => Buffer.alloc(length, `${text} `);
export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Announces and uploads a package; returns its id. */
export async function uploadPackage({ scene }: Trial, bytes: Uint8Array, version: string): Promise<string> {
  const announced = packageView.parse(await scene.rest.post('/firmware/packages', { version, size: bytes.length, sha256: sha256(bytes) }, 201));
  const url = `http://127.0.0.1:${scene.server.httpPort}/api/v1/firmware/packages/${announced.id}/content`;
  const headers = { 'content-type': 'application/octet-stream', 'upload-offset': '0' };
  const response = await fetch(url, { method: 'PATCH', body: Buffer.from(bytes), headers });
  expect(packageView.parse(await response.json()).state).toBe('ready');
  return announced.id;
}

/** Wants a package at the endpoint. */
export async function setFirmware({ scene, endpoint }: Trial, request: Pick<FirmwareRequest, 'package'> & Partial<FirmwareRequest>): Promise<FirmwareView> {
  const url = `http://127.0.0.1:${scene.server.httpPort}/api/v1/endpoints/${encodeURIComponent(endpoint)}/firmware`;
  const response = await fetch(url, { method: 'PUT', body: JSON.stringify(request), headers: { 'content-type': 'application/json' } });
  expect(response.status).toBe(202);
  return firmwareView.parse(await response.json());
}

/** Waits until the update enters one of these stages. */
export async function stage(trial: Trial, ...stages: readonly FirmwareChangedValue['stage'][]): Promise<FirmwareChangedValue> {
  const { data } = await trial.heard(eventTypes.firmwareChanged, (event) => stages.includes((event.data as FirmwareChangedValue).stage));
  return data as FirmwareChangedValue;
}

/** The end of an update. */
export function ended(trial: Trial): Promise<FirmwareChangedValue> {
  return stage(trial, 'succeeded', 'failed', 'cancelled');
}
