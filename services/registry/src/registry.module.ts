/** The parts of the registry and how they are put together. */
import { type DynamicModule, Module, type Provider } from '@nestjs/common';
import { Selection } from '@cluster/fleet';
import { type AccessControl, HealthModule, JobRunner, type Mount, type Probe } from '@cluster/nest-kit';
import { CommandAccess } from './commands/command-access.ts';
import { CommandDesk } from './commands/command-desk.ts';
import { CommandWaiters } from './commands/command-waiters.ts';
import { Rejections } from './commands/rejections.ts';
import { CommandsConsumer } from './consumers/commands.consumer.ts';
import { DeadLetters } from './consumers/dead-letters.ts';
import { JobResultsConsumer } from './consumers/job-results.consumer.ts';
import { ReadModelConsumer } from './consumers/read-model.consumer.ts';
import { FeedKeeper } from './feed/feed-keeper.ts';
import { LiveFeed } from './feed/live-feed.ts';
import { StreamHub } from './feed/stream-hub.ts';
import { GroupDesk } from './jobs/group-desk.ts';
import { JobDesk } from './jobs/job-desk.ts';
import { JobEvents } from './jobs/job-events.ts';
import { JobResults } from './jobs/job-results.ts';
import { jobWork } from './jobs/job-turn.ts';
import type { RegistryMetrics } from './metrics.ts';
import { noCredentials } from './no-credentials.ts';
import type { RegistryDeps, RegistryOptions } from './options.ts';
import { CommandsController } from './rest/commands.controller.ts';
import { CredentialsController } from './rest/credentials.controller.ts';
import { AdviceController } from './rest/advice.controller.ts';
import { EndpointsController } from './rest/endpoints.controller.ts';
import { EventsController } from './rest/events.controller.ts';
import { GroupsController } from './rest/groups.controller.ts';
import { JobsController } from './rest/jobs.controller.ts';
import { ObservationsController } from './rest/observations.controller.ts';
import { Limits } from './rest/limits.ts';
import { ProfileController } from './rest/profile.controller.ts';
import { TemplatesController } from './rest/templates.controller.ts';
import { TemplateTotals } from './templates/template-totals.ts';
import { CREDENTIALS, METRICS, NORTHBOUND, OBSERVATION_TEMPLATES, READ_MODEL, VALUES_PER_ENDPOINT } from './tokens.ts';

@Module({})
export class RegistryModule {
  static register(
    deps: RegistryDeps, options: RegistryOptions, metrics: RegistryMetrics, probes: readonly Probe[], access: AccessControl, mounts: readonly Mount[] = [],
  ): DynamicModule {
    return {
      module: RegistryModule,
      imports: [HealthModule.register({ probes, metrics: deps.metrics }), ...mounts.map(({ module }) => module)],
      controllers: [
        EndpointsController, AdviceController, CredentialsController, CommandsController, ObservationsController, TemplatesController, ProfileController,
        EventsController, GroupsController, JobsController, ReadModelConsumer, CommandsConsumer, JobResultsConsumer,
      ],
      providers: [
        { provide: NORTHBOUND, useValue: deps.northbound },
        { provide: Limits, useFactory: () => new Limits(deps.northbound) },
        { provide: CREDENTIALS, useValue: deps.credentials ?? noCredentials },
        { provide: METRICS, useValue: metrics },
        { provide: OBSERVATION_TEMPLATES, useValue: deps.templates },
        { provide: READ_MODEL, useValue: deps.model },
        { provide: VALUES_PER_ENDPOINT, useValue: options.valuesPerEndpoint },
        { provide: DeadLetters, useFactory: () => new DeadLetters(deps.log, metrics.deadLetter, deps.deadLetters) },
        { provide: CommandAccess, useFactory: () => new CommandAccess(access, options.commandsChecked, deps.northbound) },
        ...commandProviders(deps, options),
        ...feedProviders(deps, options),
        ...fleetProviders(deps, options),
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

function fleetProviders(deps: RegistryDeps, options: RegistryOptions): Provider[] {
  const { northbound, fleet: jobs, model, publisher, log } = deps;
  const timeMs = () => deps.sessions.timeMs();
  const selection = new Selection(model, northbound);
  const events = new JobEvents(publisher, options.eventEncoding);
  return [
    { provide: JobResults, useFactory: () => new JobResults(jobs, timeMs) },
    { provide: Selection, useValue: selection },
    { provide: TemplateTotals, useFactory: () => new TemplateTotals(northbound, selection) },
    { provide: GroupDesk, useFactory: () => new GroupDesk(jobs, selection) },
    {
      provide: JobRunner,
      useFactory: () => new JobRunner(jobWork({ jobs, northbound, selection, events, timeMs }), options.replica, options.jobs, log),
    },
    {
      provide: JobDesk,
      useFactory: (groups: GroupDesk, runner: JobRunner) => new JobDesk({ jobs, groups, northbound, runner, timeMs }),
      inject: [GroupDesk, JobRunner],
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
