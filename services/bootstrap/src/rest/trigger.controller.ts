/** Server-initiated bootstrap: asks a registered device to bootstrap, and tells how far it is. OMA LwM2M Core 1.1 §6.1.3 */
import { Controller, Get, HttpCode, Inject, Param, Post } from '@nestjs/common';
import type { BootstrapSessionView, BootstrapTrigger, CommandStatus, EndpointView, ProblemCode } from '@cluster/contracts';
import type { BootstrapSessionStore, Northbound, Submission } from '@cluster/session';
import { NORTHBOUND, RECORDS } from '../tokens.ts';
import { problem } from './problems.ts';
import { serverInstances, TRIGGER_KEY } from '../trigger.ts';
import { triggerOf, triggerState } from './trigger-state.ts';

export type NorthboundPort = Pick<Northbound, 'endpoint' | 'commands' | 'submit' | 'tenantOf'>;

const REFUSALS: Readonly<Record<Exclude<Submission['outcome'], 'accepted' | 'repeated' | 'malformed'>, ProblemCode>> = {
  'unknown-endpoint': 'ENDPOINT_UNKNOWN',
  'queue-full': 'QUEUE_FULL',
  'tenant-full': 'TENANT_QUEUE_FULL',
  'too-fast': 'COMMAND_RATE',
};

@Controller('api/v1/endpoints/:endpoint/bootstrap')
export class TriggerController {
  readonly #northbound: NorthboundPort;
  readonly #records: BootstrapSessionStore;

  constructor(@Inject(NORTHBOUND) northbound: NorthboundPort, @Inject(RECORDS) records: BootstrapSessionStore) {
    this.#northbound = northbound;
    this.#records = records;
  }

  @Post()
  @HttpCode(202)
  async start(@Param('endpoint') endpoint: string): Promise<BootstrapTrigger> {
    const view = await this.#northbound.endpoint(endpoint);
    if (view === undefined) throw problem('ENDPOINT_UNKNOWN', { detail: endpoint });
    const path = `${serverInstance(view)}/9`;
    // The device gets only the newest of several that wait.
    const submission = await this.#northbound.submit(endpoint, { op: 'execute', path, supersede: TRIGGER_KEY });
    if (submission.outcome === 'accepted') return triggerState(submission.status, [], undefined);
    if (submission.outcome === 'repeated' || submission.outcome === 'malformed') throw new Error(`a trigger was ${submission.outcome}`);
    throw problem(REFUSALS[submission.outcome], { detail: endpoint });
  }

  @Get()
  async state(@Param('endpoint') endpoint: string): Promise<BootstrapTrigger> {
    const [commands, view, records] = await Promise.all([
      this.#northbound.commands(endpoint), this.#northbound.endpoint(endpoint), this.#records.bootstrapSessionsOf(endpoint),
    ]);
    if (commands === undefined) throw problem('ENDPOINT_UNKNOWN', { detail: endpoint });
    const trigger: CommandStatus | undefined = triggerOf(commands);
    if (trigger === undefined) throw problem('BOOTSTRAP_UNKNOWN', { detail: endpoint });
    const sessions = records.map((record) => JSON.parse(record) as BootstrapSessionView);
    return triggerState(trigger, sessions, registeredAt(view));
  }
}

function registeredAt(view: EndpointView | undefined): string | undefined {
  return view !== undefined && view.state === 'registered' ? view.registeredAt : undefined;
}

/** The path of the one Server instance that the device registered. */
function serverInstance(view: EndpointView): string {
  const instances = serverInstances(view);
  if (instances.length !== 1) throw problem('SERVER_INSTANCE_UNKNOWN', { detail: instances.join(', ') });
  return instances[0]!;
}
