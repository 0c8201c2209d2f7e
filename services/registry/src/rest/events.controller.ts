/** The stream of events as server-sent events (HTML Living Standard §9.2), resumable on any replica. */
import { Controller, Get, Headers, Query, Res } from '@nestjs/common';
import { type EventsQuery, eventsQuery, type StreamedEvent } from '@cluster/contracts';
import { ApiError, type Caller, RequestCaller } from '@cluster/nest-kit';
import type { FastifyReply } from 'fastify';
import { httpSink } from '../feed/http-sink.ts';
import { PositionVector } from '../feed/positions.ts';
import { StreamHub } from '../feed/stream-hub.ts';
import { seenBy } from './limits.ts';

@Controller('api/v1/events')
export class EventsController {
  readonly #hub: StreamHub;

  constructor(hub: StreamHub) {
    this.#hub = hub;
  }

  @Get()
  stream(
    @Query({ schema: eventsQuery }) query: EventsQuery,
    @Headers('last-event-id') header: string | undefined,
    @RequestCaller() caller: Caller,
    @Res() reply: FastifyReply,
  ): void {
    const filter = {
      endpoints: query.endpoint && new Set(query.endpoint),
      types: query.type && new Set<string>(query.type),
      ...(caller.seesAll ? {} : { seen: (event: StreamedEvent) => seenBy(caller, event) }),
    };
    // A browser that comes again sends the header; the parameter is where it once began.
    this.#hub.open(positionOf(header || query.lastEventId), filter, () => {
      reply.hijack();
      return httpSink(reply.raw);
    });
  }
}

function positionOf(id: string | undefined): PositionVector | undefined {
  if (id === undefined || id === '') return undefined;
  const position = PositionVector.decode(id);
  if (position === undefined) throw new ApiError(400, 'LAST_EVENT_ID_MALFORMED', 'The id was not given out by this API');
  return position;
}
