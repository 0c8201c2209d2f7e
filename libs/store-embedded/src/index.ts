/** SQLite behind the session ports, for a server of one process. */
export { openEmbeddedStore, type EmbeddedStore, type EmbeddedStoreOptions } from './store.ts';
export { StoreTooNew } from './schema.ts';
