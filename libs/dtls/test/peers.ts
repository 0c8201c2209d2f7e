/** Servers, clients and credentials for tests of engine against engine. */
import { generateKeyPairSync } from 'node:crypto';
import { EMPTY_BYTES, encodeUtf8, toHex } from '@cluster/bytes';
import type { DtlsClientOptions, DtlsServerOptions, KeyObject, ServerCredential } from '../src/index.ts';
import { DtlsClient, DtlsServer } from '../src/index.ts';
import { CLUSTER_KEYS, seededBytes } from './fixtures.ts';
import { TestStore, TestWorker } from './store.ts';

export const IDENTITY: Uint8Array = encodeUtf8('urn:dev:os:0001');
export const KEY: Uint8Array = encodeUtf8('sixteen byte key');
export const DEVICE = 'DEVICE01';

export interface KeyPair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
  /** SubjectPublicKeyInfo in DER. */
  readonly spki: Uint8Array;
}

export function newKeyPair(): KeyPair {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { ...pair, spki: new Uint8Array(pair.publicKey.export({ format: 'der', type: 'spki' })) };
}

const SERVER_KEYS: KeyPair = newKeyPair();
export const DEVICE_KEYS: KeyPair = newKeyPair();

/** What stands for a chain: the engine judges none itself, so any bytes of the usual length will do. */
const SERVER_CHAIN: readonly Uint8Array[] = [new Uint8Array(500).fill(1), new Uint8Array(450).fill(2)];
export const DEVICE_CHAIN: readonly Uint8Array[] = [new Uint8Array(480).fill(3)];

export const SERVER_CREDENTIAL: ServerCredential = { names: ['server.example.com'], chain: SERVER_CHAIN, publicKey: SERVER_KEYS.spki, privateKey: SERVER_KEYS.privateKey };

/** A store that knows the device by its key, its certificate and its raw public key. */
export function newStore(): TestStore {
  const store = new TestStore();
  store.psks.set(toHex(IDENTITY), { key: KEY, deviceNumber: DEVICE, credentialVersion: 7 });
  store.keys.set(toHex(DEVICE_CHAIN[0]!), DEVICE_KEYS.publicKey);
  store.keys.set(toHex(DEVICE_KEYS.spki), DEVICE_KEYS.publicKey);
  return store;
}

export function newWorker(store = newStore(), options: Partial<DtlsServerOptions> = {}, seed = 1): TestWorker {
  return new TestWorker(new DtlsServer({ random: seededBytes(seed), keys: CLUSTER_KEYS, credentials: [SERVER_CREDENTIAL], ...options }), store);
}

const judgeServer = (): KeyObject => SERVER_KEYS.publicKey;

/** Options of a client by what it shows. */
export const CLIENTS = {
  psk: { psk: { identity: IDENTITY, key: KEY } },
  x509: { certificate: { type: 'x509', chain: DEVICE_CHAIN, privateKey: DEVICE_KEYS.privateKey }, judgeServer },
  rpk: { certificate: { type: 'rpk', publicKey: DEVICE_KEYS.spki, privateKey: DEVICE_KEYS.privateKey }, judgeServer },
} as const satisfies Record<string, Partial<DtlsClientOptions>>;

export function newClient(kind: keyof typeof CLIENTS, options: Partial<DtlsClientOptions> = {}, seed = 2): DtlsClient {
  return new DtlsClient({ random: seededBytes(seed), ...CLIENTS[kind], ...options });
}

/** Offers a CID and wants none itself. */
export const WITH_CID = { connectionId: EMPTY_BYTES } as const;
