/** Takes commands for devices and, for callers who wait, brings them the end. */
import { Injectable } from '@nestjs/common';
import type { CommandRequest, CommandStatus } from '@cluster/contracts';
import { ApiError, toApiError } from '@cluster/nest-kit';
import { endpointUnknown, keyReused } from '../rest/errors.ts';
import type { NorthboundPort } from '../northbound-port.ts';
import type { CommandWaiter, CommandWaiters } from './command-waiters.ts';

export interface Wait {
  readonly seconds: number;
  /** Aborted when the caller went away. */
  readonly gone: AbortSignal;
}

@Injectable()
export class CommandDesk {
  readonly #northbound: NorthboundPort;
  readonly #waiters: CommandWaiters;

  constructor(northbound: NorthboundPort, waiters: CommandWaiters) {
    this.#northbound = northbound;
    this.#waiters = waiters;
  }

  /** Stores the command and returns its status: the final one if it ended within `wait`, else the present one. */
  async submit(endpoint: string, command: CommandRequest, wait?: Wait): Promise<CommandStatus> {
    // Before the command is stored: its result may come before its id does.
    const waiter = wait === undefined ? undefined : this.#waiters.open(endpoint);
    try {
      const status = await this.#store(endpoint, command);
      if (wait === undefined || isFinal(status)) return status;
      return await this.#await(endpoint, status, waiter, wait);
    } finally {
      waiter?.close();
    }
  }

  async #store(endpoint: string, command: CommandRequest): Promise<CommandStatus> {
    const submission = await this.#northbound.submit(endpoint, command).catch((error: unknown) => {
      throw notKnown(error);
    });
    switch (submission.outcome) {
      case 'accepted':
        return submission.status;
      case 'repeated':
        if (!submission.same) throw keyReused(`Command ${submission.status.id} has it, and asks for something else.`);
        return submission.status;
      case 'unknown-endpoint':
        throw endpointUnknown(endpoint);
      case 'queue-full':
        throw new ApiError(429, 'QUEUE_FULL', 'The queue of the device is full', {
          detail: 'As many commands, or bytes in them, as one device may have are kept for it already.',
          retryAfterS: 60,
        });
      case 'tenant-full':
        throw new ApiError(429, 'TENANT_QUEUE_FULL', "The queues of the tenant's devices are full", {
          detail: 'As many commands, or bytes in them, as one tenant may have wait for its devices already.',
          retryAfterS: 60,
        });
      case 'too-fast':
        throw new ApiError(429, 'COMMAND_RATE', 'The tenant submits commands too fast', {
          retryAfterS: Math.ceil(submission.retryAfterMs / 1_000),
        });
      case 'malformed':
        throw new ApiError(400, 'COMMAND_MALFORMED', 'No device could be sent this command', { faults: submission.faults });
    }
  }

  async #await(endpoint: string, stored: CommandStatus, waiter: CommandWaiter | undefined, wait: Wait): Promise<CommandStatus> {
    // A repeat may be of a command that ended before this replica listened.
    const present = await this.#present(endpoint, stored);
    if (isFinal(present) || waiter === undefined) return present;
    return (await waiter.wait(stored.id, wait.seconds * 1_000, wait.gone)) ?? (await this.#present(endpoint, present));
  }

  /** The command is stored: what fails from here on is no reason to tell its caller otherwise. */
  async #present(endpoint: string, known: CommandStatus): Promise<CommandStatus> {
    return (await this.#northbound.command(endpoint, known.id).catch(() => undefined)) ?? known;
  }
}

/** Whether the command has ended. */
export function isFinal(status: CommandStatus): boolean {
  return status.state !== 'queued' && status.state !== 'in-flight';
}

function notKnown(error: unknown): unknown {
  const known = toApiError(error);
  if (known.status !== 503) return error;
  const detail = 'It is not known whether the command was stored. Repeat it with the same idempotencyKey: it is not queued twice.';
  return new ApiError(503, known.code, known.title, { detail, retryAfterS: known.retryAfterS ?? 1, cause: error });
}
