/** The REST side of the bootstrap service as one module: a process of its own serves it, or the registry beside its own. */
import { type DynamicModule, Module } from '@nestjs/common';
import type { BootstrapSessionStore } from '@cluster/session';
import { SessionsController } from './rest/sessions.controller.ts';
import { type NorthboundPort, TriggerController } from './rest/trigger.controller.ts';
import { NORTHBOUND, RECORDS } from './tokens.ts';

export interface BootstrapRestDeps {
  readonly northbound: NorthboundPort;
  readonly records: BootstrapSessionStore;
}

@Module({})
export class BootstrapModule {
  static register({ northbound, records }: BootstrapRestDeps): DynamicModule {
    return {
      module: BootstrapModule,
      controllers: [SessionsController, TriggerController],
      providers: [{ provide: NORTHBOUND, useValue: northbound }, { provide: RECORDS, useValue: records }],
    };
  }
}
