/** The embedded adapter passes the suites of its ports, in a file and in memory. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { associationStoreCompliance, bootstrapSessionStoreCompliance, certificateStoreCompliance, clusterStoreCompliance, credentialStoreCompliance, fleetStoreCompliance, readModelStoreCompliance, sessionStoreCompliance, updateStoreCompliance } from '@cluster/testing';
import { openEmbeddedStore, type EmbeddedStore } from './index.ts';

type Open = () => Promise<{ store: EmbeddedStore; close: () => Promise<void> }>;

const inFile: Open = async () => {
  const directory = await mkdtemp(join(tmpdir(), 'store-'));
  const store = openEmbeddedStore({ file: join(directory, 'store.db') });
  const close = async (): Promise<void> => {
    await store.close();
    await rm(directory, { recursive: true });
  };
  return { store, close };
};

const inMemory: Open = async () => {
  const store = openEmbeddedStore({ file: ':memory:' });
  return { store, close: () => store.close() };
};

for (const [name, open] of Object.entries({ 'an SQLite file': inFile, 'SQLite in memory': inMemory })) {
  sessionStoreCompliance(name, open);
  clusterStoreCompliance(name, open);
  readModelStoreCompliance(name, open);
  credentialStoreCompliance(name, open);
  associationStoreCompliance(name, open);
  certificateStoreCompliance(name, open);
  fleetStoreCompliance(name, open);
  updateStoreCompliance(name, open);
  bootstrapSessionStoreCompliance(name, open);
}
