/** Brings what devices tell to their updates: ends of commands, values, registrations. What comes again changes nothing. */
import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { commandResultValue, eventTypes, type ReportValue, reportValue, type StreamedEvent, topics } from '@cluster/contracts';
import type { ConsumedRecord } from '@cluster/events';
import type { UpdateStore } from '@cluster/firmware';
import { firmware } from '@cluster/lwm2m';
import { type Log, receivedEvent } from '@cluster/nest-kit';
import { Contended, StoreUnavailable } from '@cluster/session';
import { LOG, UPDATES } from '../tokens.ts';
import { commandEnd, type Decide, UpdateTurn } from './update-turn.ts';

@Controller()
export class FirmwareConsumer {
  readonly #turn: UpdateTurn;
  readonly #updates: UpdateStore;
  readonly #log: Log;

  constructor(turn: UpdateTurn, @Inject(UPDATES) updates: UpdateStore, @Inject(LOG) log: Log) {
    this.#log = log;
    this.#turn = turn;
    this.#updates = updates;
  }

  @EventPattern(topics.registrations)
  async registrations(@Payload() records: readonly ConsumedRecord[]): Promise<void> {
    const registered = understood(records.filter(({ headers }) => headers['ce_type'] === eventTypes.registered));
    for (const endpoint of await this.#open(registered.map((event) => event.endpoint))) {
      await this.#change(endpoint, (now, scene) => now && firmware.onRegistered(now, scene));
    }
  }

  @EventPattern(topics.notifications)
  async notifications(@Payload() records: readonly ConsumedRecord[]): Promise<void> {
    await this.#reports(records);
  }

  @EventPattern(topics.sends)
  async sends(@Payload() records: readonly ConsumedRecord[]): Promise<void> {
    await this.#reports(records);
  }

  @EventPattern(topics.commandResults)
  async commandResults(@Payload() records: readonly ConsumedRecord[]): Promise<void> {
    for (const { data } of understood(records.filter(mayBeOfUpdate))) {
      const value = commandResultValue.safeParse(data).data;
      if (value === undefined || value.state === 'rejected') continue;
      const place = firmware.firmwareOfCommand(value.id);
      if (place === undefined) continue;
      const atMs = Date.parse(value.finishedAt ?? value.acceptedAt);
      await this.#change(value.endpoint, (now, scene) =>
        now?.id === place.update ? firmware.onCommandEnd(now, commandEnd(place.step, value), atMs, scene) : undefined,
      );
    }
  }

  async #reports(records: readonly ConsumedRecord[]): Promise<void> {
    const telling = understood(records.filter(mayTell)).flatMap(({ data }) => {
      const report = reportValue.safeParse(data).data;
      return report?.values.some(firmware.tellsOfFirmware) === true ? [report] : [];
    });
    const open = new Set(await this.#open(telling.map(({ endpoint }) => endpoint)));
    for (const report of telling) if (open.has(report.endpoint)) await this.#report(report);
  }

  async #report({ endpoint, values, receivedAt }: ReportValue): Promise<void> {
    const atMs = Date.parse(receivedAt);
    await this.#change(endpoint, (now, scene) => now && firmware.onValues(now, values.filter(firmware.tellsOfFirmware), atMs, scene));
  }

  /** A store that is away lets the batch come again; an update that can not be carried on holds up no other. */
  async #change(endpoint: string, decide: Decide): Promise<void> {
    try {
      await this.#turn.change(endpoint, decide);
    } catch (error) {
      if (error instanceof StoreUnavailable || error instanceof Contended) throw error;
      this.#log.warn({ err: error, endpoint }, 'an update could not be carried on; it is looked at again');
    }
  }

  /** Of these endpoints those with an update that is not over, each once. */
  async #open(endpoints: readonly string[]): Promise<string[]> {
    const names = [...new Set(endpoints)];
    const stored = names.length === 0 ? [] : await this.#updates.loadUpdates(names);
    return names.filter((_, i) => {
      const record = stored[i]?.record;
      return record !== undefined && isOpen(record);
    });
  }
}

/** One of a newer version, or damaged, is for others to carry on. */
function isOpen(record: string): boolean {
  try {
    return !firmware.isOver(firmware.decodeUpdate(record));
  } catch {
    return false;
  }
}

/** What can not be read is passed over: the read model's consumer buries it. */
function understood(records: readonly ConsumedRecord[]): StreamedEvent[] {
  return records.flatMap((record) => {
    try {
      return [receivedEvent(record)];
    } catch {
      return [];
    }
  });
}

/** Texts stand in JSON and CBOR as they are: most records need not be read for it. */
function holds({ value }: ConsumedRecord, text: string): boolean {
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength).includes(text);
}

function mayBeOfUpdate(record: ConsumedRecord): boolean {
  return holds(record, firmware.FIRMWARE_COMMAND_PREFIX);
}

function mayTell(record: ConsumedRecord): boolean {
  return holds(record, '/5/0/') || holds(record, '/3/0/');
}
