/** Advice on the periods of one endpoint. */
import { Controller, Get, Inject, Param } from '@nestjs/common';
import { type AdviceView, lastValue } from '@cluster/contracts';
import type { ReadModelStore } from '@cluster/session';
import { adviceOf } from '../advice.ts';
import type { NorthboundPort } from '../northbound-port.ts';
import { NORTHBOUND, READ_MODEL } from '../tokens.ts';
import { endpointUnknown } from './errors.ts';

@Controller('api/v1/endpoints/:endpoint/advice')
export class AdviceController {
  readonly #northbound: NorthboundPort;
  readonly #model: ReadModelStore;

  constructor(@Inject(NORTHBOUND) northbound: NorthboundPort, @Inject(READ_MODEL) model: ReadModelStore) {
    this.#northbound = northbound;
    this.#model = model;
  }

  @Get()
  async show(@Param('endpoint') endpoint: string): Promise<AdviceView> {
    const view = await this.#northbound.endpoint(endpoint);
    if (view === undefined) throw endpointUnknown(endpoint);
    const values = await this.#model.values(endpoint);
    return adviceOf(view, values.map(({ json }) => lastValue.parse(JSON.parse(json))));
  }
}
