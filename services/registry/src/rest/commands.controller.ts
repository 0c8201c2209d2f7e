/** Commands to one device. */
import { Body, Controller, Delete, Get, Headers, HttpCode, Inject, Param, Post, Query, Res } from '@nestjs/common';
import {
  type CommandQuery, commandQuery, type CommandRequest, commandRequest, type CommandStatus,
} from '@cluster/contracts';
import { ApiError, type Caller, malformed, RequestCaller } from '@cluster/nest-kit';
import type { FastifyReply } from 'fastify';
import { CommandDesk, isFinal } from '../commands/command-desk.ts';
import type { NorthboundPort } from '../northbound-port.ts';
import { NORTHBOUND } from '../tokens.ts';
import { endpointUnknown } from './errors.ts';
import { Limits, scopeOf, type Sight } from './limits.ts';

@Controller('api/v1/endpoints/:endpoint/commands')
export class CommandsController {
  readonly #desk: CommandDesk;
  readonly #northbound: NorthboundPort;
  readonly #limits: Limits;

  constructor(desk: CommandDesk, @Inject(NORTHBOUND) northbound: NorthboundPort, limits: Limits) {
    this.#desk = desk;
    this.#northbound = northbound;
    this.#limits = limits;
  }

  @Post()
  async submit(
    @Param('endpoint') endpoint: string,
    @Query({ schema: commandQuery }) { wait }: CommandQuery,
    @Headers('idempotency-key') key: string | undefined,
    @RequestCaller() caller: Caller,
    @Body({ schema: commandRequest }) body: CommandRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<CommandStatus> {
    const command = withKey(body, key);
    await this.#limits.judge(caller, endpoint, [scopeOf(command)]);
    const status = await this.#desk.submit(endpoint, command, wait === undefined ? undefined : { seconds: wait, gone: goneSignal(reply) });
    if (wait !== undefined && isFinal(status)) void reply.status(200);
    else void reply.status(202).header('location', `/api/v1/endpoints/${encodeURIComponent(endpoint)}/commands/${encodeURIComponent(status.id)}`);
    return status;
  }

  @Get()
  async list(@Param('endpoint') endpoint: string, @RequestCaller() caller: Caller): Promise<CommandStatus[]> {
    const commands = await this.#northbound.commands(endpoint);
    if (commands === undefined) throw endpointUnknown(endpoint);
    const sight = await this.#limits.sight(caller, endpoint);
    return commands.filter((status) => isSeen(status, sight));
  }

  @Get(':id')
  async show(@Param('endpoint') endpoint: string, @Param('id') id: string, @RequestCaller() caller: Caller): Promise<CommandStatus> {
    const status = await this.#northbound.command(endpoint, id);
    if (status === undefined || !isSeen(status, await this.#limits.sight(caller, endpoint))) throw commandUnknown(id);
    return status;
  }

  @Delete(':id')
  @HttpCode(204)
  async cancel(@Param('endpoint') endpoint: string, @Param('id') id: string, @RequestCaller() caller: Caller): Promise<void> {
    await this.#limits.judge(caller, endpoint, [scopeOf(await this.show(endpoint, id, caller))]);
    const outcome = await this.#northbound.cancel(endpoint, id);
    if (outcome === 'unknown') throw commandUnknown(id);
    if (outcome === 'in-flight') throw new ApiError(409, 'COMMAND_IN_FLIGHT', 'The command is on its way to the device', { detail: id });
    if (outcome === 'finished') throw new ApiError(409, 'COMMAND_FINISHED', 'The command has ended already', { detail: id });
  }
}

function isSeen(status: CommandStatus, sight: Sight): boolean {
  return sight(scopeOf(status).paths);
}

function commandUnknown(id: string): ApiError {
  return new ApiError(404, 'COMMAND_UNKNOWN', 'The endpoint has no such command', { detail: id });
}

/** The Idempotency-Key header says the same as the field; it may be a quoted string (RFC 9651 §3.3.3) or bare. */
function withKey(command: CommandRequest, header: string | undefined): CommandRequest {
  if (header === undefined) return command;
  const idempotencyKey = header.replace(/^"(.*)"$/, '$1');
  const { success } = commandRequest.shape.idempotencyKey.safeParse(idempotencyKey);
  if (!success) throw malformed([{ path: 'Idempotency-Key', message: 'expected 1 to 128 characters' }]);
  if (command.idempotencyKey !== undefined && command.idempotencyKey !== idempotencyKey) {
    throw malformed([{ path: 'idempotencyKey', message: 'differs from the Idempotency-Key header' }]);
  }
  return { ...command, idempotencyKey };
}

/** Aborts when the connection closes; after the answer was sent that means nothing any more. */
function goneSignal(reply: FastifyReply): AbortSignal {
  const gone = new AbortController();
  reply.raw.once('close', () => gone.abort());
  return gone.signal;
}
