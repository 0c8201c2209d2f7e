/** The flight recorder: bootstrap sessions that are over, of one endpoint with every step, of all by pages; and those under way. */
import { Controller, Get, Inject, Param, Query } from '@nestjs/common';
import {
  type BootstrapSessionPage, bootstrapSessionsQuery, type BootstrapSessionsQuery, bootstrapSessionSummary, type BootstrapSessionSummary, type BootstrapSessionView,
} from '@cluster/contracts';
import { type Caller, RequestCaller } from '@cluster/nest-kit';
import type { BootstrapSessionStore } from '@cluster/session';
import { decodeOpen } from '../device/open-session.ts';
import { RECORDS } from '../tokens.ts';
import { problem } from './problems.ts';

@Controller('api/v1')
export class SessionsController {
  readonly #records: BootstrapSessionStore;

  constructor(@Inject(RECORDS) records: BootstrapSessionStore) {
    this.#records = records;
  }

  @Get('endpoints/:endpoint/bootstrap/sessions')
  async ofEndpoint(@Param('endpoint') endpoint: string, @RequestCaller() caller: Caller): Promise<BootstrapSessionView[]> {
    const records = await this.#records.bootstrapSessionsOf(endpoint);
    return records.map((record) => JSON.parse(record) as BootstrapSessionView).filter((view) => sees(caller, view)).map((view) => shownTo(caller, view));
  }

  @Get('endpoints/:endpoint/bootstrap/sessions/:id')
  async one(@Param('endpoint') endpoint: string, @Param('id') id: string, @RequestCaller() caller: Caller): Promise<BootstrapSessionView> {
    const record = await this.#records.bootstrapSession(endpoint, id);
    const view = record === undefined ? undefined : (JSON.parse(record) as BootstrapSessionView);
    if (view === undefined || !sees(caller, view)) throw problem('BOOTSTRAP_SESSION_UNKNOWN', { detail: id });
    return shownTo(caller, view);
  }

  @Get('bootstrap/sessions')
  async list(
    @Query({ schema: bootstrapSessionsQuery }) { limit, cursor, outcome }: BootstrapSessionsQuery,
    @RequestCaller() caller: Caller,
  ): Promise<BootstrapSessionPage> {
    const before = cursor === undefined ? undefined : Buffer.from(cursor, 'base64url').toString();
    // One more than asked for tells whether there is a next page.
    const found = outcome === 'running' ? await this.#running(before, limit + 1) : await this.#records.bootstrapSessions({ outcome, before, limit: limit + 1 });
    const page = found.slice(0, limit);
    const last = page.at(-1);
    return {
      sessions: page.map(({ summary }) => JSON.parse(summary) as BootstrapSessionSummary).filter((summary) => sees(caller, summary)),
      ...(found.length > limit && last !== undefined && { next: Buffer.from(last.id).toString('base64url') }),
    };
  }

  async #running(before: string | undefined, limit: number): Promise<{ id: string; summary: string }[]> {
    const open = await this.#records.openBootstrapSessions({ before, limit });
    return open.map(({ id, record }) => ({ id, summary: JSON.stringify(bootstrapSessionSummary.parse(decodeOpen(record).view)) }));
  }
}

/** Those of a device while it was another tenant's are that one's; those of nobody known are for who may see all. */
function sees(caller: Caller, { tenant }: Pick<BootstrapSessionSummary, 'tenant'>): boolean {
  return caller.may('view', tenant);
}

/** Without the values of paths that a limited grant leaves out. */
function shownTo(caller: Caller, view: BootstrapSessionView): BootstrapSessionView {
  const { tenant = '' } = view;
  const steps = view.steps.map((step) => (step.values === undefined ? step : { ...step, values: step.values.filter(({ path }) => caller.maySee(tenant, path)) }));
  return { ...view, steps };
}
