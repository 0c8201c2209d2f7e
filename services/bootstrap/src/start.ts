/** Starts the bootstrap service as a configuration says, on whichever adapters it is given. */
import { randomBytes } from 'node:crypto';
import { CertificateNews, type DtlsSecurity, SystemRng, toldCertificates } from '@cluster/coap-kit';
import type { Config } from '@cluster/config';
import { asyncApiDocument, bootstrapRoutes, openApiDocument, restRoutes } from '@cluster/contracts';
import { AccessControl, AuditLog, createHttpApp, HealthModule, type Mount, openAccess, pkiMount, serveDocs } from '@cluster/nest-kit';
import { type ConfigurationDesk, Northbound } from '@cluster/session';
import type { DynamicModule } from '@nestjs/common';
import { BootstrapModule } from './bootstrap.module.ts';
import { DeviceSide, type DeviceSideDeps } from './device/device-side.ts';
import { openEst, openProvisioning, type ProvisioningPorts } from './provisioning.ts';
import { openRenewal } from './renewal/open-renewal.ts';

/** What the service stands on. All of it stays the caller's. */
export type BootstrapPorts = Omit<DeviceSideDeps, 'desk' | 'est' | 'security'> & ProvisioningPorts & { readonly security: DtlsSecurity };

/** What the service serves devices and operators with. */
export interface BootstrapDeps extends DeviceSideDeps, Pick<ProvisioningPorts, 'issuing'> {
  readonly configurations: ConfigurationDesk;
}

/** The side of devices, and what a process that serves REST takes into its application. */
export interface Bootstrap {
  readonly coapPort: number | undefined;
  readonly coapsPort: number | undefined;
  readonly ready: boolean;
  /** Its REST side, for an application that another service shares. */
  readonly mount: Mount;
  readonly northbound: Northbound;
  close(): Promise<void>;
}

export interface RunningBootstrap extends Pick<Bootstrap, 'coapPort' | 'coapsPort'> {
  readonly httpPort: number;
  close(): Promise<void>;
}

const API_VERSION = '0.1.0';
const newId = () => randomBytes(12).toString('base64url');
const BODY_LIMIT_BYTES = 1_048_576;

/** Adds what works out what each device is to have, by the configurations that operators wrote, and EST. */
export function withProvisioning(config: Config, ports: BootstrapPorts): BootstrapDeps {
  const told = withNews(config, ports);
  return { ...told, ...openProvisioning(config, told), est: openEst(config, told) };
}

/** What the authority issues and revokes is told on Kafka. */
function withNews(config: Config, ports: BootstrapPorts): BootstrapPorts {
  const { issuing } = ports;
  return issuing === undefined ? ports : { ...ports, issuing: { ...issuing, certificates: toldCertificates(issuing.certificates, newsOf(config, ports)) } };
}

function newsOf(config: Config, { publisher, sessions, metrics, log }: Pick<DeviceSideDeps, 'publisher' | 'sessions' | 'metrics' | 'log'>): CertificateNews {
  return new CertificateNews({ publisher, sessions, encoding: config.eventEncoding, metrics, log });
}

/** The REST side of the authority, where there is one: what it issued, and its revocation list. */
export function authorityMounts(config: Config, ports: BootstrapPorts): Mount[] {
  const { issuing, credentials, secrets, sessions, cluster, log } = withNews(config, ports);
  return issuing === undefined ? [] : [pkiMount({ config, ...issuing, credentials, secrets, sessions, cluster, log })];
}

/** Serves devices. REST is the caller's to serve. */
export async function startBootstrap(config: Config, deps: BootstrapDeps): Promise<Bootstrap> {
  const { sessions, cluster, records, configurations } = deps;
  const limits = {
    queueEntries: config.queueMaxEntries,
    queueBytes: config.queueMaxBytes,
    tenant: { entries: config.tenantQueueMaxEntries, bytes: config.tenantQueueMaxBytes },
    observations: config.maxObservations,
  };
  const northbound = new Northbound({ sessions, cluster, limits, newId, rng: new SystemRng() });
  const side = await DeviceSide.open(config, deps);
  const renewal = openRenewal(config, deps, northbound, newsOf(config, deps));
  renewal?.start();
  return {
    coapPort: side.coapPort,
    coapsPort: side.coapsPort,
    get ready() {
      return side.ready;
    },
    mount: { module: BootstrapModule.register({ northbound, records, configurations }), routes: bootstrapRoutes },
    northbound,
    async close() {
      await renewal?.stop();
      await side.close();
    },
  };
}

/** A process of its own: serves devices, and REST with what is mounted beside it on the HTTP port. */
export async function runBootstrap(config: Config, deps: BootstrapDeps, mounts: readonly Mount[] = []): Promise<RunningBootstrap> {
  const bootstrap = await startBootstrap(config, deps);
  const { northbound } = bootstrap;
  const served = [bootstrap.mount, ...mounts];
  const routes = [...served.flatMap((mount) => mount.routes), ...restRoutes.filter(({ tag, path }) => tag === 'operation' && !path.includes('/events'))];
  const access = await openAccess(config, deps.log);
  const probes = [{ name: 'store', check: async () => void (await deps.sessions.timeMs()) }];
  const root: DynamicModule = { module: class BootstrapProcess {}, imports: [HealthModule.register({ probes, metrics: deps.metrics }), ...served.map((mount) => mount.module)] };
  const tenants = {
    tenantOf: (endpoint: string) => northbound.tenantOf(endpoint),
    adopt: (endpoint: string, tenant: string) => northbound.setTenant(endpoint, tenant, tenant),
  };
  const { log, metrics, publisher } = deps;
  const dropped = metrics.counter('lwm2m_audit_dropped_total', 'Entries of the audit log that the topic does not have');
  const audit = new AuditLog({ log, publisher, service: 'bootstrap', dropped: () => dropped.inc() });
  const app = await createHttpApp(root, {
    log,
    bodyLimitBytes: BODY_LIMIT_BYTES,
    access: new AccessControl({ ...access, routes, ...tenants }),
    audit: audit.keep,
  });
  serveDocs(app, openApiDocument(API_VERSION, routes), asyncApiDocument(API_VERSION));
  await app.listen(config.httpPort, config.httpBind);
  const address = app.getHttpServer().address();
  if (address === null || typeof address === 'string') throw new Error('HTTP has no port');
  return {
    coapPort: bootstrap.coapPort,
    coapsPort: bootstrap.coapsPort,
    httpPort: address.port,
    async close() {
      await app.close();
      await audit.close();
      await bootstrap.close();
      access.close();
    },
  };
}
