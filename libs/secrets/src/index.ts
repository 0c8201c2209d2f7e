/** The secrets of a cluster: keys derived from one master secret for each purpose, and sealing of what is stored. */
export { equalSecrets, keyedDigest, sha256 } from './digests.ts';
export { type DerivedKey, type DerivedKeys, KeyRing, type Purpose } from './key-ring.ts';
export { type MasterSecret, MIN_SECRET_BYTES, parseMasterSecrets, type SecretFileFault } from './master-secrets.ts';
export { KeyObject } from './primitives.ts';
export { type Opened, type RandomBytes, Sealer } from './sealer.ts';
