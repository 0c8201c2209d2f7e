/** The firmware orchestrator: packages and updates over REST, driven by what devices tell on the cluster's topics. */
import { API_VERSION, asyncApiDocument, firmwareRoutes, openApiDocument, restRoutes } from '@cluster/contracts';
import { AccessControl, type AccessDeps, AuditLog, createHttpApp, HealthModule, type Mount, type Probe, serveDocs, TopicServer } from '@cluster/nest-kit';
import { type DynamicModule, Module } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { FirmwareModule } from './firmware.module.ts';
import { defaultOptions, type FirmwareDeps, type FirmwareOptions } from './options.ts';

export interface FirmwareOrchestrator {
  /** Starts to consume and to serve; resolves with the port when HTTP does. */
  listen(): Promise<{ port: number }>;
  /** Lets requests and steps end, stops to consume. The ports stay open: they are the caller's. */
  close(): Promise<void>;
}

/** Who may do what. An endpoint that is not there is not adopted: only one that is has firmware. */
export type Access = Omit<AccessDeps, 'routes' | 'adopt'>;

const HEALTH_ROUTES = restRoutes.filter(({ tag }) => tag === 'operation');

/** The orchestrator as a part of another service's application. */
export function firmwareMount(deps: FirmwareDeps, options: Partial<FirmwareOptions> = {}): Mount {
  return { module: FirmwareModule.register(deps, { ...defaultOptions, ...options }), routes: firmwareRoutes, byteStreams: true };
}

@Module({})
class RootModule {
  static register(imports: DynamicModule[]): DynamicModule {
    return { module: RootModule, imports };
  }
}

/** Builds an orchestrator of its own; nothing runs before `listen`. */
export async function createFirmwareOrchestrator(deps: FirmwareDeps, access: Access, options: Partial<FirmwareOptions> = {}): Promise<FirmwareOrchestrator> {
  const settings: FirmwareOptions = Object.freeze({ ...defaultOptions, ...options });
  const consumers = new TopicServer(deps.events, settings.group, { log: deps.log, retryMs: settings.retryMs });
  const probes: Probe[] = [
    { name: 'store', check: async () => void (await deps.sessions.timeMs()) },
    {
      name: 'consumers',
      async check() {
        if (!consumers.running) throw new Error('the group does not consume yet');
      },
    },
  ];
  const { module, routes } = firmwareMount(deps, settings);
  const all = [...routes, ...HEALTH_ROUTES];
  const dropped = () => deps.metrics.counter('lwm2m_audit_dropped_total', 'Entries of the audit log that the topic does not have').inc();
  const auditLog = new AuditLog({ log: deps.log, publisher: deps.publisher, service: 'firmware', dropped });
  const app = await createHttpApp(RootModule.register([HealthModule.register({ probes, metrics: deps.metrics }), module]), {
    log: deps.log,
    bodyLimitBytes: settings.bodyLimitBytes,
    byteStreams: true,
    audit: auditLog.keep,
    access: new AccessControl({ ...access, routes: all, adopt: (_endpoint, tenant) => Promise.resolve(tenant) }),
  });
  app.connectMicroservice({ strategy: consumers }, { inheritAppConfig: false });
  serveDocs(app, openApiDocument(API_VERSION, all), asyncApiDocument(API_VERSION));
  return { listen: () => listen(app, settings), close: () => close(app, settings).finally(() => auditLog.close()) };
}

async function listen(app: NestFastifyApplication, { port, bind }: FirmwareOptions): Promise<{ port: number }> {
  await app.startAllMicroservices();
  await app.listen(port, bind);
  const address = app.getHttpServer().address();
  if (address === null || typeof address === 'string') throw new Error('HTTP has no port');
  return { port: address.port };
}

async function close(app: NestFastifyApplication, { drainMs }: FirmwareOptions): Promise<void> {
  const timer = setTimeout(() => app.getHttpServer().closeAllConnections(), drainMs);
  try {
    await app.close();
  } finally {
    clearTimeout(timer);
  }
}
