/** What should be observed at one device: desired state, which the cluster brings about. */
import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Put } from '@nestjs/common';
import { type DesiredObservation, desiredObservationList, type ObservationView } from '@cluster/contracts';
import { ApiError, type Caller, RequestCaller } from '@cluster/nest-kit';
import type { NorthboundPort } from '../northbound-port.ts';
import { NORTHBOUND } from '../tokens.ts';
import { endpointUnknown } from './errors.ts';
import { Limits, scopeOf } from './limits.ts';

@Controller('api/v1/endpoints/:endpoint/observations')
export class ObservationsController {
  readonly #northbound: NorthboundPort;
  readonly #limits: Limits;

  constructor(@Inject(NORTHBOUND) northbound: NorthboundPort, limits: Limits) {
    this.#northbound = northbound;
    this.#limits = limits;
  }

  @Get()
  async show(@Param('endpoint') endpoint: string, @RequestCaller() caller: Caller): Promise<ObservationView[]> {
    const observations = await this.#northbound.observations(endpoint);
    if (observations === undefined) throw endpointUnknown(endpoint);
    const sight = await this.#limits.sight(caller, endpoint);
    return observations.filter((observation) => sight(scopeOf({ ...observation, op: 'observe' }).paths));
  }

  @Put()
  async replace(
    @Param('endpoint') endpoint: string,
    @Body({ schema: desiredObservationList }) list: DesiredObservation[],
    @RequestCaller() caller: Caller,
  ): Promise<ObservationView[]> {
    // What the list no longer has is cancelled: that takes a grant too.
    const before = (await this.#northbound.observations(endpoint)) ?? [];
    await this.#limits.judge(caller, endpoint, [...before, ...list].map((observation) => scopeOf({ ...observation, op: 'observe' })));
    const change = await this.#northbound.setObservations(endpoint, list);
    if (change.outcome === 'unknown-endpoint') throw endpointUnknown(endpoint);
    if (change.outcome === 'malformed') {
      throw new ApiError(400, 'OBSERVATIONS_MALFORMED', 'The list has observations that can not exist', { faults: change.faults });
    }
    return change.observations;
  }

  @Delete()
  @HttpCode(204)
  async clear(@Param('endpoint') endpoint: string, @RequestCaller() caller: Caller): Promise<void> {
    await this.replace(endpoint, [], caller);
  }
}
