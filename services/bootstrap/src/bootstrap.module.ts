/** The REST side of the bootstrap service as one module: a process of its own serves it, or the registry beside its own. */
import { type DynamicModule, Module } from '@nestjs/common';
import type { BootstrapSessionStore, ConfigurationDesk } from '@cluster/session';
import { ConfigurationsController } from './rest/configurations.controller.ts';
import { EndpointConfigurationController } from './rest/endpoint-configuration.controller.ts';
import { SessionsController } from './rest/sessions.controller.ts';
import { type NorthboundPort, TriggerController } from './rest/trigger.controller.ts';
import { CONFIGURATIONS, NORTHBOUND, RECORDS } from './tokens.ts';

export interface BootstrapRestDeps {
  readonly northbound: NorthboundPort;
  readonly records: BootstrapSessionStore;
  readonly configurations: ConfigurationDesk;
}

@Module({})
export class BootstrapModule {
  static register({ northbound, records, configurations }: BootstrapRestDeps): DynamicModule {
    return {
      module: BootstrapModule,
      controllers: [SessionsController, TriggerController, ConfigurationsController, EndpointConfigurationController],
      providers: [
        { provide: NORTHBOUND, useValue: northbound }, { provide: RECORDS, useValue: records }, { provide: CONFIGURATIONS, useValue: configurations },
      ],
    };
  }
}
