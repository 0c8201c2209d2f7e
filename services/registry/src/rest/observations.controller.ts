/** What should be observed at one device: desired state, which the cluster brings about. */
import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Put } from '@nestjs/common';
import { type DesiredObservation, desiredObservationList, type ObservationView } from '@cluster/contracts';
import { ApiError } from '@cluster/nest-kit';
import type { NorthboundPort } from '../northbound-port.ts';
import { NORTHBOUND } from '../tokens.ts';
import { endpointUnknown } from './errors.ts';

@Controller('api/v1/endpoints/:endpoint/observations')
export class ObservationsController {
  readonly #northbound: NorthboundPort;

  constructor(@Inject(NORTHBOUND) northbound: NorthboundPort) {
    this.#northbound = northbound;
  }

  @Get()
  async show(@Param('endpoint') endpoint: string): Promise<ObservationView[]> {
    const observations = await this.#northbound.observations(endpoint);
    if (observations === undefined) throw endpointUnknown(endpoint);
    return observations;
  }

  @Put()
  async replace(
    @Param('endpoint') endpoint: string,
    @Body({ schema: desiredObservationList }) list: DesiredObservation[],
  ): Promise<ObservationView[]> {
    const change = await this.#northbound.setObservations(endpoint, list);
    if (change.outcome === 'unknown-endpoint') throw endpointUnknown(endpoint);
    if (change.outcome === 'malformed') {
      throw new ApiError(400, 'OBSERVATIONS_MALFORMED', 'The list has observations that can not exist', { faults: change.faults });
    }
    return change.observations;
  }

  @Delete()
  @HttpCode(204)
  async clear(@Param('endpoint') endpoint: string): Promise<void> {
    await this.replace(endpoint, []);
  }
}
