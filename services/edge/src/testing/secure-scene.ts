/** Workers that serve DTLS, in one process on one store: their credentials, their keys, what they count. */
import { generateKeyPairSync, randomBytes, randomInt } from 'node:crypto';
import type { DtlsSecurity } from '@cluster/coap-kit';
import type { DtlsFiles, ServerIdentity } from '@cluster/config';
import { TrustStore } from '@cluster/dtls';
import { KeyRing, Sealer } from '@cluster/secrets';
import { CredentialDesk, EndpointNumbers } from '@cluster/session';
import { Metrics } from '@cluster/telemetry';
import type { EdgeDeps } from '../assemble.ts';
import { openHarness, type Harness } from './harness.ts';

export interface SecureWorker {
  readonly port: number;
  /** Undefined without NoSec. */
  readonly plainPort: number | undefined;
  /** Sum of a metric's values; labels may belong to its name. */
  counted(name: string): number;
}

export interface SecureScene {
  readonly harness: Harness;
  readonly desk: CredentialDesk;
  readonly ring: KeyRing;
  readonly security: DtlsSecurity;
  /** As if the files of keys and certificates had changed. */
  setFiles(files: Partial<DtlsFiles>): void;
  start(env?: Readonly<Record<string, string>>, change?: (deps: EdgeDeps) => EdgeDeps): Promise<SecureWorker>;
}

/** `identities`: the server's own keys. Closed with its harness. */
export async function openSecureScene(identities: readonly ServerIdentity[] = []): Promise<SecureScene> {
  const harness = await openHarness();
  const { store } = harness;
  const ring = new KeyRing([{ id: 0, bytes: randomBytes(32) }]);
  const sealer = new Sealer(ring, randomBytes);
  let files: DtlsFiles = { identities, trust: new TrustStore() };
  const listeners: ((files: DtlsFiles) => void)[] = [];
  const security: DtlsSecurity = { store, secrets: { ring, sealer }, files: () => files, onFiles: (listener) => void listeners.push(listener) };
  const devices = new EndpointNumbers({ sessions: store, cluster: store, rng: { uint32: () => randomInt(2 ** 32) } });
  const policy = { shortPsks: false, sharedPsks: false };
  const desk = new CredentialDesk({ store, cluster: store, devices, ring, sealer, policy, timeMs: () => store.timeMs() });
  return {
    harness, desk, ring, security,
    setFiles(changed) {
      files = { ...files, ...changed };
      for (const listener of listeners) listener(files);
    },
    async start(env = {}, change = (deps) => deps) {
      const metrics = new Metrics();
      const edge = await harness.start(env, (deps) => change({ ...deps, security, metrics }));
      return { port: edge.coapsPort!, plainPort: edge.coapPort, counted: (name) => sumOf(metrics.renderPrometheus(), name) };
    },
  };
}

function sumOf(metrics: string, name: string): number {
  const lines = metrics.split('\n').filter((line) => line.startsWith(name));
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}

/** A key pair for raw public keys, of the server or of a device. */
export function newRawKey(): ServerIdentity {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { names: [], chain: [], publicKey: publicKey.export({ format: 'der', type: 'spki' }), privateKey };
}
