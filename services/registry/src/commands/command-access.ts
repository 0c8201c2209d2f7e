/** Whether the record of a command from Kafka shows who asks, and whether that caller may give it. */
import { Injectable } from '@nestjs/common';
import type { CommandRejection, CommandRequest } from '@cluster/contracts';
import type { ConsumedRecord } from '@cluster/events';
import { type AccessControl, ApiError } from '@cluster/nest-kit';
import type { NorthboundPort } from '../northbound-port.ts';
import { Limits, scopeOf } from '../rest/limits.ts';

type Refusal = Pick<CommandRejection, 'code' | 'reason'>;

@Injectable()
export class CommandAccess {
  readonly #access: AccessControl;
  /** Without it, whoever may write to the topic may give commands. */
  readonly #required: boolean;
  readonly #northbound: Pick<NorthboundPort, 'tenantOf'>;
  readonly #limits: Limits;

  constructor(access: AccessControl, required: boolean, northbound: Pick<NorthboundPort, 'tenantOf'>) {
    this.#access = access;
    this.#required = required;
    this.#northbound = northbound;
    this.#limits = new Limits(northbound);
  }

  /** Why the command is not taken; undefined: it is. Rejects where that can't be told now: the record comes again. */
  async refusal({ headers }: ConsumedRecord, endpoint: string, command: CommandRequest): Promise<Refusal | undefined> {
    const { ce_tenant: named, authorization } = headers;
    if (named !== undefined && (await this.#isOfAnother(endpoint, named))) return unknown;
    if (!this.#required) return undefined;
    try {
      const caller = await this.#access.authenticate({ authorization });
      const tenant = await this.#northbound.tenantOf(endpoint);
      if (tenant !== undefined && !caller.maySeeTenant(tenant)) return unknown;
      await this.#limits.judge(caller, endpoint, [scopeOf(command)]);
      return undefined;
    } catch (error) {
      return refusalOf(error);
    }
  }

  async #isOfAnother(endpoint: string, named: string): Promise<boolean> {
    const tenant = await this.#northbound.tenantOf(endpoint);
    return tenant !== undefined && tenant !== named;
  }
}

const unknown: Refusal = { code: 'ENDPOINT_UNKNOWN', reason: 'no such endpoint is known' };

function refusalOf(error: unknown): Refusal {
  if (!(error instanceof ApiError) || error.status >= 500) throw error;
  const { code, title, detail } = error;
  return { code: code === 'UNAUTHENTICATED' ? code : 'ACCESS_DENIED', reason: detail ?? title };
}
