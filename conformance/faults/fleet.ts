/** Devices that report without pause, and the ledger of what they saw acknowledged: all of it has to be in Kafka. */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventTypes, topics } from '@cluster/contracts';
import { NoResponse, SimulatedDevice } from '@cluster/testing';
import { expect } from 'vitest';
import { readRecords, type KafkaRecord } from '../src/kafka-records.ts';
import type { Rest } from '../src/rest.ts';

export const TEMPERATURE = '/3303/0/5700';
const TEMPERATURE_PATH = [3303, 0, 5700];
const PAUSE_MS = 100;

export interface Ledger {
  /** Values that devices were told are taken. */
  readonly acknowledged: number;
  /** Values in Kafka: those whose acknowledgement was lost, or came too late, too. */
  readonly delivered: number;
  /** Records that came again under their id, which consumers take for one. */
  readonly repeated: number;
  /** Notifications under more than one id. */
  readonly twins: number;
  /** Acknowledged, and not in Kafka. */
  readonly lost: readonly number[];
}

export class Fleet {
  /** Values that devices were told are taken; each is reported once. */
  readonly acknowledged = new Set<number>();
  /** Codes of Sends that were refused. */
  readonly refusals = new Set<string>();
  readonly devices: readonly SimulatedDevice[];
  readonly names: readonly string[];
  #loops: Promise<void>[] = [];
  #stopped = false;

  constructor(name: string, size: number, server: string) {
    this.names = Array.from({ length: size }, (_, index) => `${name}-${index}`);
    this.devices = this.names.map((endpoint) => new SimulatedDevice({ endpoint, server, lifetimeS: 300 }));
  }

  /** Registers all, has them observed and lets them report. */
  async start(rest: Rest): Promise<void> {
    await Promise.all(this.devices.map(async (device, index) => {
      await device.start();
      const observed = once(device, 'observed');
      await rest.observe(this.names[index]!, [{ path: TEMPERATURE }]);
      await observed;
    }));
    this.#loops = this.devices.map((device, index) => this.#report(device, (index + 1) * 100_000));
  }

  /** Resolves when the last report is settled. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#loops);
  }

  kill(): void {
    for (const device of this.devices) device.kill();
  }

  /** Fails unless each acknowledged value is in Kafka, and each notification under one id. Returns how many were acknowledged. */
  async expectLedger(brokers: readonly string[]): Promise<number> {
    const { lost, twins } = await this.ledger(brokers);
    expect(lost).toEqual([]);
    expect(twins).toBe(0);
    return this.acknowledged.size;
  }

  /** What devices saw acknowledged against what a consumer reads. */
  async ledger(brokers: readonly string[]): Promise<Ledger> {
    const records = await readRecords(brokers, [topics.notifications, topics.sends]);
    const own = records.filter(({ key }) => this.names.includes(key));
    const told = new Set(own.flatMap(valuesOf));
    return {
      acknowledged: this.acknowledged.size,
      delivered: told.size,
      repeated: own.length - new Set(own.map(({ id }) => id)).size,
      twins: idsOfNotifications(own).filter((ids) => ids.size !== 1).length,
      lost: [...this.acknowledged].filter((value) => !told.has(value)),
    };
  }

  async #report(device: SimulatedDevice, base: number): Promise<void> {
    for (let value = base; !this.#stopped; value++) {
      const notified = once(device, 'notified');
      device.setValue(TEMPERATURE, value);
      if ((await notified)[0].delivery === 'acknowledged') this.acknowledged.add(value);
      await this.#send(device, value + 0.5);
      await sleep(PAUSE_MS);
    }
  }

  /** A refused Send is not repeated: its value is not in the ledger. */
  async #send(device: SimulatedDevice, value: number): Promise<void> {
    try {
      const code = await device.sendValues([{ path: TEMPERATURE_PATH, type: 'float', value }]);
      if (code === '2.04') this.acknowledged.add(value);
      else this.refusals.add(code);
    } catch (error) {
      if (!(error instanceof NoResponse)) throw error;
    }
  }
}

function valuesOf({ data }: Pick<KafkaRecord, 'data'>): number[] {
  const values = (data['values'] ?? []) as readonly { value: number }[];
  return values.map(({ value }) => value);
}

/** The ids under which each notification was told. An observation that is made again counts its Observe values anew. */
function idsOfNotifications(records: readonly KafkaRecord[]): Set<string>[] {
  const ids = new Map<string, Set<string>>();
  for (const { key, id, type, data } of records) {
    if (type !== eventTypes.notification) continue;
    const notification = JSON.stringify([key, data['observe'], valuesOf({ data })]);
    ids.set(notification, (ids.get(notification) ?? new Set()).add(id));
  }
  return [...ids.values()];
}
