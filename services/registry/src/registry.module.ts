/** The parts of the registry and how they are put together. */
import { type DynamicModule, Module, type Provider } from '@nestjs/common';
import { HealthModule, type Probe } from '@cluster/nest-kit';
import { CommandDesk } from './commands/command-desk.ts';
import { CommandWaiters } from './commands/command-waiters.ts';
import { Rejections } from './commands/rejections.ts';
import { CommandsConsumer } from './consumers/commands.consumer.ts';
import { DeadLetters } from './consumers/dead-letters.ts';
import { ReadModelConsumer } from './consumers/read-model.consumer.ts';
import { FeedKeeper } from './feed/feed-keeper.ts';
import { LiveFeed } from './feed/live-feed.ts';
import { StreamHub } from './feed/stream-hub.ts';
import type { RegistryMetrics } from './metrics.ts';
import type { RegistryDeps, RegistryOptions } from './options.ts';
import { CommandsController } from './rest/commands.controller.ts';
import { EndpointsController } from './rest/endpoints.controller.ts';
import { EventsController } from './rest/events.controller.ts';
import { ObservationsController } from './rest/observations.controller.ts';
import { ProfileController } from './rest/profile.controller.ts';
import { TemplatesController } from './rest/templates.controller.ts';
import { NORTHBOUND, OBSERVATION_TEMPLATES, READ_MODEL, VALUES_PER_ENDPOINT } from './tokens.ts';

@Module({})
export class RegistryModule {
  static register(deps: RegistryDeps, options: RegistryOptions, metrics: RegistryMetrics, probes: readonly Probe[]): DynamicModule {
    return {
      module: RegistryModule,
      imports: [HealthModule.register({ probes, metrics: deps.metrics })],
      controllers: [
        EndpointsController, CommandsController, ObservationsController, TemplatesController, ProfileController, EventsController,
        ReadModelConsumer, CommandsConsumer,
      ],
      providers: [
        { provide: NORTHBOUND, useValue: deps.northbound },
        { provide: OBSERVATION_TEMPLATES, useValue: deps.templates },
        { provide: READ_MODEL, useValue: deps.model },
        { provide: VALUES_PER_ENDPOINT, useValue: options.valuesPerEndpoint },
        { provide: DeadLetters, useFactory: () => new DeadLetters(deps.log, metrics.deadLetter, deps.deadLetters) },
        ...commandProviders(deps, options),
        ...feedProviders(deps, options),
      ],
    };
  }
}

function commandProviders(deps: RegistryDeps, options: RegistryOptions): Provider[] {
  return [
    { provide: Rejections, useFactory: () => new Rejections(deps.publisher, options.eventEncoding) },
    { provide: CommandWaiters, useFactory: () => new CommandWaiters(options.waiters) },
    {
      provide: CommandDesk,
      useFactory: (northbound: RegistryDeps['northbound'], waiters: CommandWaiters) => new CommandDesk(northbound, waiters),
      inject: [NORTHBOUND, CommandWaiters],
    },
  ];
}

function feedProviders(deps: RegistryDeps, options: RegistryOptions): Provider[] {
  const ring = { events: options.recentEvents, bytes: options.recentBytes };
  const { streams, streamOpensPerSecond: opensPerSecond, heartbeatMs, catchUps } = options;
  return [
    { provide: LiveFeed, useFactory: () => new LiveFeed(deps.events, ring) },
    {
      provide: FeedKeeper,
      useFactory: (feed: LiveFeed, waiters: CommandWaiters) => new FeedKeeper(feed, waiters, deps.log, options.retryMs),
      inject: [LiveFeed, CommandWaiters],
    },
    {
      provide: StreamHub,
      useFactory: (feed: LiveFeed) => new StreamHub(feed, deps.events, { streams, opensPerSecond, heartbeatMs, catchUps }),
      inject: [LiveFeed],
    },
  ];
}
