/** Endpoints: the directory, one endpoint's state, its last values, and the end of its registration. */
import { Controller, Delete, Get, HttpCode, Inject, Param, Query } from '@nestjs/common';
import {
  type EndpointPage, type EndpointsQuery, endpointsQuery, type EndpointView, labelsOf, lastValue, type LastValue,
} from '@cluster/contracts';
import { type Caller, RequestCaller } from '@cluster/nest-kit';
import type { ReadModelStore, StoredValue } from '@cluster/session';
import type { CredentialsPort, NorthboundPort } from '../northbound-port.ts';
import { CREDENTIALS, NORTHBOUND, READ_MODEL } from '../tokens.ts';
import { directoryStates, summaryState } from '../directory-states.ts';
import { listOf, ofTenant } from '../directory-tenants.ts';
import { endpointUnknown } from './errors.ts';
import { Limits } from './limits.ts';

@Controller('api/v1/endpoints')
export class EndpointsController {
  readonly #northbound: NorthboundPort;
  readonly #model: ReadModelStore;
  readonly #credentials: CredentialsPort;
  readonly #limits: Limits;

  constructor(
    @Inject(NORTHBOUND) northbound: NorthboundPort,
    @Inject(READ_MODEL) model: ReadModelStore,
    @Inject(CREDENTIALS) credentials: CredentialsPort,
    limits: Limits,
  ) {
    this.#northbound = northbound;
    this.#model = model;
    this.#credentials = credentials;
    this.#limits = limits;
  }

  @Get()
  async list(@Query({ schema: endpointsQuery }) query: EndpointsQuery, @RequestCaller() caller: Caller): Promise<EndpointPage> {
    const { limit, cursor, label } = query;
    const states = directoryStates(query);
    const after = cursor === undefined ? {} : { after: Buffer.from(cursor, 'base64url').toString('utf8') };
    const filter = { ...(states === undefined ? {} : { states }), ...(label === undefined ? {} : { labels: labelsOf(label) }) };
    // One more than asked for tells whether there is a next page.
    const found = await listOf(this.#model, caller.tenants('view', { limited: true }), { ...after, ...filter, limit: limit + 1 });
    const page = found.slice(0, limit);
    const last = page.at(-1);
    return {
      endpoints: page.map((entry) => ({
        endpoint: entry.endpoint,
        ...summaryState(entry.state),
        changedAt: new Date(entry.changedAtMs).toISOString(),
        ...ofTenant(entry),
      })),
      ...(found.length > limit && last !== undefined ? { next: Buffer.from(last.endpoint, 'utf8').toString('base64url') } : {}),
    };
  }

  @Get(':endpoint')
  async show(@Param('endpoint') endpoint: string): Promise<EndpointView> {
    const view = await this.#northbound.endpoint(endpoint);
    if (view === undefined) throw endpointUnknown(endpoint);
    const lastHeard = later(view.presence.lastHeard, await this.#model.values(endpoint));
    return lastHeard === undefined ? view : { ...view, presence: { ...view.presence, lastHeard } };
  }

  @Delete(':endpoint')
  @HttpCode(204)
  async forget(@Param('endpoint') endpoint: string): Promise<void> {
    // First, since they go with the endpoint's number, which is given up next.
    await this.#credentials.erase(endpoint);
    if (!(await this.#northbound.forget(endpoint))) throw endpointUnknown(endpoint);
  }

  @Delete(':endpoint/registration')
  @HttpCode(204)
  async drop(@Param('endpoint') endpoint: string): Promise<void> {
    if (!(await this.#northbound.drop(endpoint))) throw endpointUnknown(endpoint);
  }

  @Get(':endpoint/values')
  async values(@Param('endpoint') endpoint: string, @RequestCaller() caller: Caller): Promise<LastValue[]> {
    const stored = await this.#model.values(endpoint);
    // Values outlive the registration; an endpoint without values may still be one.
    if (stored.length === 0) await this.show(endpoint);
    const sight = await this.#limits.sight(caller, endpoint);
    return stored.filter(({ path }) => sight([path])).map(({ json }) => lastValue.parse(JSON.parse(json)));
  }
}

/** A notification or Send changes nothing in the store of sessions: the values that it brought tell when it came. */
function later(lastHeard: string | undefined, values: readonly StoredValue[]): string | undefined {
  const received = values.map(({ json }) => lastValue.parse(JSON.parse(json))).filter(({ source }) => source !== 'command');
  return received.reduce((latest, { receivedAt }) => (latest === undefined || receivedAt > latest ? receivedAt : latest), lastHeard);
}
