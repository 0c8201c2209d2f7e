/** Puts together what works out what a device is to have: configurations, groups, credentials and the server's own keys. */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { type DtlsSecurity, EstResource, SystemRng } from '@cluster/coap-kit';
import type { Config, HeldAuthority, Secrets } from '@cluster/config';
import { group } from '@cluster/contracts';
import { randomPool } from '@cluster/dtls';
import { type GroupStore, isSelected } from '@cluster/fleet';
import type { ObjectModel } from '@cluster/lwm2m';
import { CertificateDesk, type CertificateStore } from '@cluster/pki';
import {
  Assignments, type BootstrapCandidate, type ClusterStore, ConfigurationDesk, ConfigurationStore, CredentialDesk, CredentialLookup, type CredentialMaker, type CredentialStore,
  EndpointNumbers, ProvisioningDesk, type SessionStore,
} from '@cluster/session';
import type { Logger, Metrics } from '@cluster/telemetry';

export interface ProvisioningPorts {
  readonly sessions: SessionStore;
  readonly cluster: ClusterStore;
  readonly credentials: CredentialStore;
  readonly groups: Pick<GroupStore, 'group'>;
  readonly secrets: Pick<Secrets, 'ring' | 'sealer'>;
  /** The server's own keys, as they are now. */
  readonly security: Pick<DtlsSecurity, 'files'>;
  readonly model: ObjectModel;
  /** The authority that signs for devices, and where what it issued is kept; undefined: there is none. */
  readonly issuing?: { readonly authority: HeldAuthority; readonly certificates: CertificateStore } | undefined;
}

/** What the service and its REST side share of it. */
export interface Provisioning {
  readonly desk: ProvisioningDesk;
  readonly configurations: ConfigurationDesk;
}

const CACHED_CREDENTIALS = 1_000;
const DAY_MS = 86_400_000;
const groupRecord = group.omit({ name: true });

export function openProvisioning(config: Pick<Config, 'shortPsk' | 'sharedPsk' | 'caValidityDays'>, ports: ProvisioningPorts): Provisioning {
  const { sessions, cluster, credentials: store, groups, secrets, security, model, issuing } = ports;
  const { sealer, ring } = secrets;
  const timeMs = () => sessions.timeMs();
  const numbers = new EndpointNumbers({ sessions, cluster, rng: new SystemRng() });
  const documents = new ConfigurationStore({ documents: cluster, sealer, timeMs });
  const assignments = new Assignments({ store: documents, groupsOf: (candidate, names) => groupsOf(groups, candidate, names) });
  const policy = { shortPsks: config.shortPsk, sharedPsks: config.sharedPsk };
  const desk = new ProvisioningDesk({
    store: documents, assignments, devices: numbers, model,
    credentials: new CredentialDesk({ store, cluster, devices: numbers, ring, sealer, policy, timeMs }),
    lookup: new CredentialLookup({ store, sessions, sealer, cacheEntries: CACHED_CREDENTIALS, use: 'bootstrap' }),
    maker: { random: (length) => randomBytes(length), keyPair, certificate: issuing && certificates(config, issuing) },
    serverKeys: () => security.files().identities,
  });
  return { desk, configurations: new ConfigurationDesk({ store: documents, assignments, devices: numbers, model, timeMs }) };
}

/** Those of the groups that select the device. One that does not exist selects nobody; one that is a tenant's, that tenant's devices. */
async function groupsOf(groups: Pick<GroupStore, 'group'>, candidate: BootstrapCandidate, names: readonly string[]): Promise<string[]> {
  const records = await Promise.all(names.map((name) => groups.group(name)));
  return names.filter((_, i) => {
    const record = records[i];
    if (record === undefined) return false;
    const { tenant = candidate.tenant, selector } = groupRecord.parse(JSON.parse(record));
    return tenant === candidate.tenant && isSelected(candidate, selector);
  });
}

type Issuing = NonNullable<ProvisioningPorts['issuing']>;

/** Certificates that the service has made for devices, beside those that devices ask for by EST. */
function certificates({ caValidityDays }: Pick<Config, 'caValidityDays'>, { authority, certificates: store }: Issuing): NonNullable<CredentialMaker['certificate']> {
  const desk = new CertificateDesk({ authority: authority.current, store, random: randomPool(), validityMs: caValidityDays * DAY_MS });
  return async (endpoint, spki, nowMs) => {
    const issued = await desk.issue(endpoint, spki, nowMs);
    return typeof issued === 'string' ? issued : issued.certificate;
  };
}

/** EST, where there is an authority. */
export function openEst(config: Config, ports: ProvisioningPorts & { readonly metrics: Metrics; readonly log: Logger }): EstResource | undefined {
  const { issuing } = ports;
  return issuing && new EstResource({ config, ...ports, ...issuing, rng: new SystemRng() });
}

function keyPair() {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { spki: publicKey.export({ format: 'der', type: 'spki' }), privateKey: privateKey.export({ format: 'der', type: 'pkcs8' }) };
}
