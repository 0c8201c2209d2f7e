/** Brings what devices tell to the operations on their software. What comes again changes nothing. */
import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { commandResultValue, eventTypes, reportValue, topics } from '@cluster/contracts';
import type { ConsumedRecord } from '@cluster/events';
import type { UpdateStore } from '@cluster/firmware';
import { firmware, software } from '@cluster/lwm2m';
import type { Log } from '@cluster/nest-kit';
import { LOG, SOFTWARE } from '../tokens.ts';
import { carriedOn, holds, openAmong, understood } from '../updates/received.ts';
import { commandEnd } from '../updates/turn.ts';
import { SoftwareTurn } from './software-turn.ts';

type Step = (now: software.SoftwareOperation, scene: firmware.FirmwareScene) => software.SoftwareOperation;

@Controller()
export class SoftwareConsumer {
  readonly #turn: SoftwareTurn;
  readonly #store: UpdateStore;
  readonly #log: Log;

  constructor(turn: SoftwareTurn, @Inject(SOFTWARE) store: UpdateStore, @Inject(LOG) log: Log) {
    this.#log = log;
    this.#turn = turn;
    this.#store = store;
  }

  @EventPattern(topics.registrations)
  async registrations(@Payload() records: readonly ConsumedRecord[]): Promise<void> {
    const registered = understood(records.filter(({ headers }) => headers['ce_type'] === eventTypes.registered));
    for (const endpoint of await this.#open(registered.map((event) => event.endpoint))) await this.#each(endpoint, software.onRegistered);
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
    for (const { data } of understood(records.filter((record) => holds(record, software.SOFTWARE_COMMAND_PREFIX)))) {
      const value = commandResultValue.safeParse(data).data;
      if (value === undefined || value.state === 'rejected') continue;
      const place = software.softwareOfCommand(value.id);
      if (place === undefined) continue;
      await carriedOn(this.#turn.ended(value.endpoint, place.update, commandEnd(place.step, value), Date.parse(value.finishedAt ?? value.acceptedAt)), value.endpoint, this.#log);
    }
  }

  async #reports(records: readonly ConsumedRecord[]): Promise<void> {
    const telling = understood(records.filter((record) => holds(record, '/9/'))).flatMap(({ data }) => {
      const report = reportValue.safeParse(data).data;
      // RFC 7641 §3.4: what one out of order tells was over before something else was told.
      return report !== undefined && report.outOfOrder !== true && report.values.some(software.tellsOfSoftware) ? [report] : [];
    });
    const open = new Set(await this.#open(telling.map(({ endpoint }) => endpoint)));
    for (const { endpoint, values, receivedAt } of telling) {
      if (open.has(endpoint)) await this.#each(endpoint, (now, scene) => software.onValues(now, values, Date.parse(receivedAt), scene));
    }
  }

  #each(endpoint: string, step: Step): Promise<void> {
    const change = this.#turn.change(endpoint, (now, scene) => {
      const next = now?.instances.map((one) => step(one, scene));
      return next?.some((one, i) => one !== now?.instances[i]) === true ? { instances: next } : undefined;
    });
    return carriedOn(change, endpoint, this.#log);
  }

  #open(endpoints: readonly string[]): Promise<string[]> {
    return openAmong(this.#store, endpoints, (record) => software.decodeSoftware(record).instances.some((one) => !firmware.isOver(one)));
  }
}
