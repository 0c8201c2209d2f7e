/** Brings what devices tell to their firmware updates: ends of commands, values, registrations. What comes again changes nothing. */
import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { commandResultValue, eventTypes, type ReportValue, reportValue, topics } from '@cluster/contracts';
import type { ConsumedRecord } from '@cluster/events';
import type { UpdateStore } from '@cluster/firmware';
import { firmware } from '@cluster/lwm2m';
import type { Log } from '@cluster/nest-kit';
import { LOG, UPDATES } from '../tokens.ts';
import { carriedOn, eachDevice, holds, openAmong, understood } from './received.ts';
import { commandEnd } from './turn.ts';
import { UpdateTurn } from './update-turn.ts';

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
    const open = (await this.#open(registered.map((event) => event.endpoint))).map((endpoint) => ({ endpoint }));
    await eachDevice(open, ({ endpoint }) => carriedOn(this.#turn.change(endpoint, (now, scene) => now && firmware.onRegistered(now, scene)), endpoint, this.#log));
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
    const ended = understood(records.filter((record) => holds(record, firmware.FIRMWARE_COMMAND_PREFIX))).flatMap(({ data }) => {
      const value = commandResultValue.safeParse(data).data;
      return value === undefined || value.state === 'rejected' ? [] : [value];
    });
    await eachDevice(ended, async (value) => {
      const place = firmware.firmwareOfCommand(value.id);
      if (place === undefined) return;
      await carriedOn(this.#turn.ended(value.endpoint, place.update, commandEnd(place.step, value), Date.parse(value.finishedAt ?? value.acceptedAt)), value.endpoint, this.#log);
    });
  }

  async #reports(records: readonly ConsumedRecord[]): Promise<void> {
    const telling = understood(records.filter(mayTell)).flatMap(({ data }) => {
      const report = reportValue.safeParse(data).data;
      return report?.values.some(firmware.tellsOfFirmware) === true ? [report] : [];
    });
    const open = new Set(await this.#open(telling.map(({ endpoint }) => endpoint)));
    await eachDevice(telling.filter(({ endpoint }) => open.has(endpoint)), (report) => this.#report(report));
  }

  async #report({ endpoint, values, receivedAt, outOfOrder }: ReportValue): Promise<void> {
    // RFC 7641 §3.4: what it tells was over before something else was told.
    if (outOfOrder === true) return;
    const atMs = Date.parse(receivedAt);
    await carriedOn(
      this.#turn.change(endpoint, (now, scene) => now && firmware.onValues(now, values.filter(firmware.tellsOfFirmware), atMs, scene)), endpoint, this.#log,
    );
  }

  #open(endpoints: readonly string[]): Promise<string[]> {
    return openAmong(this.#updates, endpoints, (record) => !firmware.isOver(firmware.decodeUpdate(record)));
  }
}

function mayTell(record: ConsumedRecord): boolean {
  return holds(record, '/5/0/') || holds(record, '/3/0/');
}
