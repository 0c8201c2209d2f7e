/** Firmware as operators handle it over REST, for test cases. */
import { createHash } from 'node:crypto';
import { eventTypes, type FirmwareChangedValue, type FirmwareRequest, firmwareView, type FirmwareView, packageView, type SoftwareChangedValue, type SoftwareRequest, softwareView } from '@cluster/contracts';
import { expect } from 'vitest';
import type { Trial } from './trial.ts';

/** An image of some blocks and a bit, which nobody takes for another one. */
export const imageOf = (text: string, length = 20_500): Buffer => Buffer.alloc(length, `${text} `);
export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Announces and uploads a package at the process of an HTTP port; returns its id. */
export async function upload(httpPort: number, bytes: Uint8Array, version: string): Promise<string> {
  const packages = `http://127.0.0.1:${httpPort}/api/v1/firmware/packages`;
  const announcement = JSON.stringify({ version, size: bytes.length, sha256: sha256(bytes) });
  const announced = await fetch(packages, { method: 'POST', body: announcement, headers: { 'content-type': 'application/json' } });
  const { id } = packageView.parse(await announced.json());
  const headers = { 'content-type': 'application/octet-stream', 'upload-offset': '0' };
  const response = await fetch(`${packages}/${id}/content`, { method: 'PATCH', body: Buffer.from(bytes), headers });
  expect(packageView.parse(await response.json()).state).toBe('ready');
  return id;
}

/** Wants a package at an endpoint. */
export async function want(httpPort: number, endpoint: string, request: Pick<FirmwareRequest, 'package'> & Partial<FirmwareRequest>): Promise<FirmwareView> {
  const url = `http://127.0.0.1:${httpPort}/api/v1/endpoints/${encodeURIComponent(endpoint)}/firmware`;
  const response = await fetch(url, { method: 'PUT', body: JSON.stringify(request), headers: { 'content-type': 'application/json' } });
  expect(response.status).toBe(202);
  return firmwareView.parse(await response.json());
}

export const uploadPackage = ({ scene }: Trial, bytes: Uint8Array, version: string): Promise<string> => upload(scene.server.httpPort, bytes, version);
export const setFirmware = ({ scene, endpoint }: Trial, request: Parameters<typeof want>[2]): Promise<FirmwareView> => want(scene.server.httpPort, endpoint, request);

/** Waits until an update enters one of these stages. */
export async function stage(trial: Trial, { update }: FirmwareView, ...stages: readonly FirmwareChangedValue['stage'][]): Promise<FirmwareChangedValue> {
  const { data } = await trial.heard(eventTypes.firmwareChanged, (event) => {
    const value = event.data as FirmwareChangedValue;
    return value.update === update && stages.includes(value.stage);
  });
  return data as FirmwareChangedValue;
}

/** The end of an update. */
export function ended(trial: Trial, update: FirmwareView): Promise<FirmwareChangedValue> {
  return stage(trial, update, 'succeeded', 'failed', 'cancelled');
}

/** Wants something of a software of the device, and waits for the end. */
export async function software(trial: Trial, instance: number, request: Partial<SoftwareRequest>): Promise<SoftwareChangedValue> {
  const url = `http://127.0.0.1:${trial.scene.server.httpPort}/api/v1/endpoints/${encodeURIComponent(trial.endpoint)}/software/${instance}`;
  const response = await fetch(url, { method: 'PUT', body: JSON.stringify(request), headers: { 'content-type': 'application/json' } });
  expect(response.status).toBe(202);
  const { operation } = softwareView.parse(await response.json());
  const { data } = await trial.heard(eventTypes.softwareChanged, (event) => {
    const value = event.data as SoftwareChangedValue;
    return value.operation === operation && ['succeeded', 'failed', 'cancelled'].includes(value.stage);
  });
  return data as SoftwareChangedValue;
}
