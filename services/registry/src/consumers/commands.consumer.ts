/**
 * Queues the commands of lwm2m.commands. Those of one endpoint are taken in their order; the offset moves when each is
 * stored, or its rejection told. What comes again after a crash meets its own idempotency key.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { type CommandRequest, topics } from '@cluster/contracts';
import type { ConsumedRecord } from '@cluster/events';
import { Contended, type Origin, StoreUnavailable, type Submission } from '@cluster/session';
import { CommandAccess } from '../commands/command-access.ts';
import { type CommandRecord, readCommandRecord } from '../commands/command-record.ts';
import { Rejections } from '../commands/rejections.ts';
import type { NorthboundPort } from '../northbound-port.ts';
import { NORTHBOUND } from '../tokens.ts';
import { DeadLetters } from './dead-letters.ts';

type Taken = Exclude<Submission, { outcome: 'too-fast' }>;
type Readable = Extract<CommandRecord, { kind: 'command' }>;

/** Endpoints whose commands are stored at the same time. */
const IN_PARALLEL = 32;

@Controller()
export class CommandsConsumer {
  readonly #northbound: NorthboundPort;
  readonly #rejections: Rejections;
  readonly #deadLetters: DeadLetters;
  readonly #access: CommandAccess;

  constructor(@Inject(NORTHBOUND) northbound: NorthboundPort, rejections: Rejections, deadLetters: DeadLetters, access: CommandAccess) {
    this.#northbound = northbound;
    this.#rejections = rejections;
    this.#deadLetters = deadLetters;
    this.#access = access;
  }

  @EventPattern(topics.commands)
  async commands(@Payload() records: readonly ConsumedRecord[]): Promise<void> {
    const waiting = [...Map.groupBy(records, ({ key }) => key).values()];
    const takeTurns = async () => {
      for (let own = waiting.shift(); own !== undefined; own = waiting.shift()) {
        for (const record of own) await this.#take(record);
      }
    };
    const turns = await Promise.allSettled(Array.from({ length: Math.min(IN_PARALLEL, waiting.length) }, takeTurns));
    // The batch comes again; what is stored already is not stored twice.
    for (const turn of turns) if (turn.status === 'rejected') throw turn.reason;
  }

  async #take(record: ConsumedRecord): Promise<void> {
    const read = readCommandRecord(record);
    switch (read.kind) {
      case 'command':
        return this.#submit(record, read);
      case 'malformed':
        return this.#rejections.tell(record, read.asked, {
          code: 'COMMAND_MALFORMED', reason: 'the value is no command', faults: read.faults,
        });
      case 'unreadable':
        await this.#deadLetters.bury([{ record, reason: read.reason }]);
        return this.#rejections.tell(record, read.asked, { code: 'COMMAND_UNREADABLE', reason: read.reason });
    }
  }

  /** What comes too fast waits, and what is behind it: Kafka keeps it. */
  async #submitInTime(endpoint: string, command: CommandRequest, origin: Origin): Promise<Taken> {
    for (;;) {
      const submission = await this.#northbound.submit(endpoint, command, origin);
      if (submission.outcome !== 'too-fast') return submission;
      await delay(submission.retryAfterMs);
    }
  }

  async #submit(record: ConsumedRecord, { asked, command }: Readable): Promise<void> {
    const told = { ...asked, op: command.op };
    const refusal = await this.#access.refusal(record, asked.endpoint, command);
    if (refusal !== undefined) return this.#rejections.tell(record, told, refusal);
    let submission: Taken;
    try {
      submission = await this.#submitInTime(asked.endpoint, command, asked.origin);
    } catch (error) {
      if (error instanceof StoreUnavailable || error instanceof Contended) throw error;
      // Trying again would hold up everybody behind it.
      await this.#deadLetters.bury([{ record, reason: error instanceof Error ? error.message : String(error) }]);
      return this.#rejections.tell(record, told, { code: 'INTERNAL', reason: 'the server failed' });
    }
    const why = rejectionOf(submission, asked.origin);
    if (why !== undefined) await this.#rejections.tell(record, told, why);
  }
}

/** undefined: the command is queued, and its end will be told. */
function rejectionOf(submission: Taken, origin: Origin): Parameters<Rejections['tell']>[2] | undefined {
  switch (submission.outcome) {
    case 'accepted':
      return undefined;
    case 'repeated':
      if (isSame(submission.origin, origin)) return undefined;
      return {
        code: 'COMMAND_REPEATED', id: submission.status.id,
        reason: 'another request has queued a command under this idempotency key',
      };
    case 'malformed':
      return { code: 'COMMAND_MALFORMED', reason: 'no device could be sent this command', faults: [...submission.faults] };
    case 'unknown-endpoint':
      return { code: 'ENDPOINT_UNKNOWN', reason: 'no such endpoint is known' };
    case 'tenant-full':
      return { code: 'TENANT_QUEUE_FULL', reason: 'as many commands as the tenant may have wait for its devices' };
    case 'queue-full':
      return { code: 'QUEUE_FULL', reason: 'the queue of the device is full' };
  }
}

function isSame(one: Origin | undefined, other: Origin): boolean {
  return one?.id === other.id && one.source === other.source;
}
