/** A device connected to a first worker, and what tests ask of the two. */
import { decodeUtf8, encodeUtf8, toHex } from '@cluster/bytes';
import { expect } from 'vitest';
import type { AssociationMoving, DtlsClient, DtlsClientOptions, DtlsServerOptions } from '../src/index.ts';
import { decodeMoving } from '../src/index.ts';
import { splitDatagram } from '../src/record/record.ts';
import { seededIntegers } from './fixtures.ts';
import { TestNetwork } from './network.ts';
import { DEVICE, WITH_CID, newClient, newStore, newWorker } from './peers.ts';
import type { TestStore, TestWorker } from './store.ts';

export interface Scene {
  readonly store: TestStore;
  readonly network: TestNetwork;
  readonly client: DtlsClient;
  readonly worker: TestWorker;
}

/** A device connected to a first worker. */
export function connected(client: Partial<DtlsClientOptions> = WITH_CID, server: Partial<DtlsServerOptions> = {}): Scene {
  const store = newStore();
  const worker = newWorker(store, server);
  const network = new TestNetwork(worker, seededIntegers(1));
  const device = newClient('psk', client);
  network.add('device', device);
  device.connect(network.nowMs);
  settle(network);
  expect(network.happened('device', 'connected')).toHaveLength(1);
  return { store, network, client: device, worker };
}

export const settle = (network: TestNetwork): void => network.run(network.nowMs + 500);

export function say(network: TestNetwork, client: DtlsClient, text: string): void {
  client.send(encodeUtf8(text));
  settle(network);
}

export const heard = (worker: TestWorker): string[] => worker.of('data').map(({ bytes, fresh }) => `${decodeUtf8(bytes)}${fresh ? '' : ' (not fresh)'}`);
export const handle = (worker: TestWorker): number => worker.of('established').at(-1)!.association;
export const moving = ({ store }: Scene): AssociationMoving => decodeMoving(store.moving.get(DEVICE)!)!;

/** Explicit nonces of the protected records that went to the device. */
export const nonces = (network: TestNetwork, clientCid = 0): string[] =>
  network.captured
    .filter(({ from }) => from === 'server')
    .flatMap(({ bytes }) => splitDatagram(bytes, clientCid).records)
    .filter(({ epoch }) => epoch === 1)
    .map(({ fragment }) => toHex(fragment.subarray(0, 8)));

/** The last datagram the device sent. */
export const lastSent = (network: TestNetwork): Uint8Array => network.captured.findLast(({ from }) => from !== 'server')!.bytes;

/** The first worker dies; another stands in its place. */
export function replaceWorker(scene: Scene, options: Partial<DtlsServerOptions> = {}, seed = 99): TestWorker {
  const next = newWorker(scene.store, options, seed);
  scene.network.worker = next;
  return next;
}
