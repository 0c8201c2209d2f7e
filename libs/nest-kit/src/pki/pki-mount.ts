/** The REST side of the certification authority, for the application of whichever service holds the authority. */
import { type DynamicModule, Module } from '@nestjs/common';
import type { Config, HeldAuthority, Secrets } from '@cluster/config';
import { pkiRoutes } from '@cluster/contracts';
import { type CertificateStore, renewalWindowMs, RevocationDesk } from '@cluster/pki';
import { type ClusterStore, type CredentialStore, EnrolledCertificates, type SessionStore, tenantsOf } from '@cluster/session';
import type { Log } from '../logger.ts';
import type { Mount } from '../mount.ts';
import { ListRenewal, PKI_LOG } from './list-renewal.ts';
import { PkiController } from './pki.controller.ts';
import { PKI, type Pki } from './pki-ports.ts';

/** All of it stays the caller's. */
export interface PkiPorts {
  readonly config: Pick<Config, 'caRenewalDays' | 'caValidityDays' | 'sharedPsk'>;
  readonly authority: HeldAuthority;
  readonly certificates: CertificateStore;
  readonly credentials: CredentialStore;
  readonly secrets: Pick<Secrets, 'ring' | 'sealer'>;
  readonly sessions: Pick<SessionStore, 'resolve' | 'load' | 'timeMs'>;
  readonly cluster: Pick<ClusterStore, 'ring' | 'documents' | 'putDocument'>;
  readonly log: Log;
}

@Module({})
class PkiModule {
  static register(pki: Pki, log: Log): DynamicModule {
    return { module: PkiModule, controllers: [PkiController], providers: [{ provide: PKI, useValue: pki }, { provide: PKI_LOG, useValue: log }, ListRenewal] };
  }
}

export function pkiMount({ config, authority, certificates, credentials: store, secrets, sessions, cluster, log }: PkiPorts): Mount {
  const timeMs = () => sessions.timeMs();
  const credentials = new EnrolledCertificates({ store, cluster, ring: secrets.ring, sealer: secrets.sealer, sharedPsks: config.sharedPsk, timeMs });
  const withdraw = async (endpoint: string, sha256: Uint8Array): Promise<void> => {
    const [number] = await sessions.resolve([endpoint]);
    if (number !== undefined) await credentials.revoke({ number, endpoint }, sha256);
  };
  const revocations = new RevocationDesk({ authority: authority.current, store: certificates, documents: cluster, withdraw });
  const pki: Pki = {
    authority: authority.current, certificates, revocations, timeMs,
    tenantsOf: (endpoints) => tenantsOf(sessions, endpoints), renewalMs: renewalWindowMs(config),
  };
  return { module: PkiModule.register(pki, log), routes: pkiRoutes };
}
