/** The registry: REST over the cluster's state, the stream of its events, and the read model's consumers. */
import { API_VERSION, asyncApiDocument, openApiDocument, restRoutes } from '@cluster/contracts';
import { AccessControl, AuditLog, createHttpApp, JobRunner, type Mount, type Probe, serveDocs, TopicServer } from '@cluster/nest-kit';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { CommandWaiters } from './commands/command-waiters.ts';
import { LiveFeed } from './feed/live-feed.ts';
import { streamTopics } from './feed/positions.ts';
import { StreamHub } from './feed/stream-hub.ts';
import { registryMetrics } from './metrics.ts';
import { defaultOptions, type RegistryDeps, type RegistryOptions } from './options.ts';
import { RegistryModule } from './registry.module.ts';

export interface Registry {
  /** Starts to consume and to serve; resolves with the port when HTTP does. */
  listen(): Promise<{ port: number }>;
  /** Ends streams and waits, lets requests end, stops to consume. The ports stay open: they are the caller's. */
  close(): Promise<void>;
}


/** Builds a registry, with other services' parts in its application; nothing runs before `listen`. */
export async function createRegistry(deps: RegistryDeps, options: Partial<RegistryOptions> = {}, mounts: readonly Mount[] = []): Promise<Registry> {
  const settings: RegistryOptions = Object.freeze({ ...defaultOptions, ...options });
  const metrics = registryMetrics(deps.metrics);
  const consumers = new TopicServer(deps.events, settings.group, { log: deps.log, retryMs: settings.retryMs });
  const parts: { app?: NestFastifyApplication } = {};
  const probes: Probe[] = [
    { name: 'store', check: async () => void (await deps.sessions.timeMs()) },
    { name: 'events', check: running(() => parts.app?.get(LiveFeed).running === true, 'the topics are not read yet') },
    { name: 'consumers', check: running(() => consumers.running, 'the group does not consume yet') },
    // Without the broker commands are still taken and the state is still told.
    { name: 'broker', optional: true, check: oneAtATime(async () => void (await deps.events.ends(streamTopics))) },
  ];
  const routes = [...restRoutes, ...mounts.flatMap((mount) => mount.routes)];
  const access = new AccessControl({
    ...deps.access,
    routes,
    tenantOf: (endpoint) => deps.northbound.tenantOf(endpoint),
    adopt: (endpoint, tenant) => deps.northbound.setTenant(endpoint, tenant, tenant),
  });
  const auditLog = new AuditLog({ log: deps.log, publisher: deps.publisher, service: 'registry', dropped: metrics.auditDropped });
  const app = await createHttpApp(RegistryModule.register(deps, settings, metrics, probes, access, mounts), {
    log: deps.log,
    bodyLimitBytes: settings.bodyLimitBytes,
    onRequestDone: metrics.requestDone,
    byteStreams: mounts.some(({ byteStreams }) => byteStreams === true),
    access,
    audit: auditLog.keep,
  });
  parts.app = app;
  app.connectMicroservice({ strategy: consumers }, { inheritAppConfig: false });
  serveDocs(app, openApiDocument(API_VERSION, routes), asyncApiDocument(API_VERSION));
  metrics.watch({ streams: () => app.get(StreamHub).size, waiters: () => app.get(CommandWaiters).size, jobs: () => app.get(JobRunner).size });
  return { listen: () => listen(app, settings), close: () => close(app, settings).finally(() => auditLog.close()) };
}

function running(check: () => boolean, reason: string): () => Promise<void> {
  return async () => {
    if (!check()) throw new Error(reason);
  };
}

/** Whoever asks while a check is under way gets its outcome: a broker that is silent is not asked ever more often. */
function oneAtATime(check: () => Promise<void>): () => Promise<void> {
  let present: Promise<void> | undefined;
  return () => (present ??= check().finally(() => (present = undefined)));
}

async function listen(app: NestFastifyApplication, { port, bind }: RegistryOptions): Promise<{ port: number }> {
  await app.startAllMicroservices();
  await app.listen(port, bind);
  const address = app.getHttpServer().address();
  if (address === null || typeof address === 'string') throw new Error('HTTP has no port');
  return { port: address.port };
}

/** A connection that was opened and never used counts as busy, and a caller may be slow: neither holds the service up. */
async function close(app: NestFastifyApplication, { drainMs }: RegistryOptions): Promise<void> {
  const timer = setTimeout(() => app.getHttpServer().closeAllConnections(), drainMs);
  try {
    await app.close();
  } finally {
    clearTimeout(timer);
  }
}
