/**
 * Twenty commands of every kind, from REST and from Kafka, for a device asleep; while it works through them, processes
 * are killed. Redis runs with `appendfsync always`. With `everysec`, its default, it puts a write off while an fsync is
 * under way, for two seconds at most, and answers all the same: killed then, it has forgotten that a request left, and
 * the device gets it twice.
 */
import { randomUUID } from 'node:crypto';
import { commandEventType, eventTypes, topics, type CommandRequest, type CommandStatus } from '@cluster/contracts';
import { SimulatedDevice, startRedis, useKafka, type RedisHandle } from '@cluster/testing';
import kafkajs, { type Producer } from 'kafkajs';
import { expect, vi } from 'vitest';
import { openKafkaTap, type KafkaTap } from '../src/kafka-tap.ts';
import { brokersOf, Member } from '../src/member.ts';

const PATIENCE = { timeout: 60_000, interval: 50 };
const TEXT = '/3303/0/5750';

/** What is killed, at which request of the device or after which result. */
export interface Kill {
  readonly at: 'request' | 'answer' | 'result';
  readonly n: number;
  readonly what: 'edge' | 'everything';
}

const text = (tag: string) => [{ path: TEXT, value: tag }];

/** By REST the first half, by Kafka the second, in this order; each tells its name to the device. */
const COMMANDS: readonly CommandRequest[] = [
  { op: 'write', path: TEXT, value: 'a' },
  { op: 'execute', path: '/3303/0/5605', arguments: "0='b'" },
  { op: 'write-partial', path: '/3303/0', values: text('c'), priority: 9 },
  { op: 'create', path: '/16', values: [{ path: '/16/20/0/0', value: 'd', type: 'string' }] },
  { op: 'read', path: '/3/0/0', priority: 7 },
  { op: 'write-composite', values: text('f'), priority: 1 },
  { op: 'discover', path: '/3303' },
  { op: 'execute', path: '/3303/0/5605', arguments: "0='h'", priority: 9 },
  { op: 'write-partial', path: '/3303/0', values: text('i') },
  { op: 'write-attributes', path: '/3303/0/5700', attributes: { pmax: 60 } },
  { op: 'execute', path: '/3303/0/5605', arguments: "0='k'" },
  { op: 'write', path: TEXT, value: 'l', priority: 3 },
  { op: 'create', path: '/16', values: [{ path: '/16/21/0/0', value: 'm', type: 'string' }], priority: 8 },
  { op: 'read-composite', paths: ['/3/0/0', '/3303/0/5700'] },
  { op: 'write-partial', path: '/3303/0', values: text('o'), priority: 0 },
  { op: 'delete', path: '/16/0' },
  { op: 'execute', path: '/3303/0/5605', arguments: "0='q'", priority: 2 },
  { op: 'write-composite', values: text('r'), priority: 9 },
  { op: 'read', path: '/3303/0/5700' },
  { op: 'execute', path: '/3303/0/5605', arguments: "0='t'" },
];
const BY_REST = COMMANDS.length / 2;
/** Priority first, then age. */
const IN_TURN = COMMANDS.map((command, age) => ({ command, age }))
  .sort((a, b) => (b.command.priority ?? 5) - (a.command.priority ?? 5) || a.age - b.age)
  .flatMap(({ command }) => nameIn(command) ?? []);

function nameIn({ value, values, arguments: args }: CommandRequest): string | undefined {
  const said = args === undefined ? (value ?? values?.[0]?.value) : args.slice(3, -1);
  return said === undefined ? undefined : String(said);
}

export class CommandWalk {
  redis!: RedisHandle;
  edge!: Member;
  registry!: Member;
  kafkaBrokers: readonly string[] = [];
  #tap!: KafkaTap;
  #producer!: Producer;

  async open(): Promise<void> {
    [this.redis, this.kafkaBrokers] = await Promise.all([startRedis({ config: ['appendfsync always'] }), useKafka()]);
    const brokers = brokersOf(this.redis.urls, this.kafkaBrokers);
    [this.edge, this.registry] = [await Member.start('edge', brokers), await Member.start('registry', brokers)];
    this.#tap = await openKafkaTap(this.kafkaBrokers);
    const kafka = new kafkajs.Kafka({ brokers: [...this.kafkaBrokers], clientId: 'erp', logLevel: kafkajs.logLevel.NOTHING });
    this.#producer = kafka.producer();
    await this.#producer.connect();
  }

  async close(): Promise<void> {
    await Promise.all([this.#producer?.disconnect(), this.#tap?.close(), this.edge?.remove(), this.registry?.remove()]);
    await this.redis?.stop();
  }

  /** Lets a device sleep, queue the commands, wake and be served through a kill; fails unless each is done once, in its turn. */
  async survive(kill: Kill): Promise<void> {
    const endpoint = `walk-${kill.what}-${kill.at}-${kill.n}-${randomUUID().slice(0, 8)}`;
    const device = new SimulatedDevice({ endpoint, server: `coap://127.0.0.1:${this.edge.coapPort}`, queueMode: true, automatic: false });
    const done = recordOf(device);
    try {
      await this.#listensFor(endpoint, 1);
      await device.start();
      device.sleep();
      const presence = async () => (await this.registry.rest.endpoint(endpoint))?.presence.state;
      await vi.waitFor(async () => expect(await presence()).toBe('asleep'), PATIENCE);
      await this.#queueAll(endpoint);
      // Long enough for an exchange to outlive the restart of what was killed.
      await this.#listensFor(endpoint, 93);
      const killed = this.#killAt(kill, device, endpoint);
      device.wake().catch(() => undefined); // its Update may get lost with the edge
      await killed;
      await this.#restart();
      await vi.waitFor(async () => expect(await device.update()).toBe('2.04'), PATIENCE);
      await vi.waitFor(() => expect(this.results(endpoint).size).toBe(COMMANDS.length), PATIENCE);
      this.#check(endpoint, done);
    } finally {
      device.kill();
    }
  }

  /** What was told of each command, by its id. */
  results(endpoint: string): Map<string, CommandStatus> {
    const own = this.#tap.log.seen.filter((event) => event.endpoint === endpoint && event.type === eventTypes.commandResult);
    return new Map(own.map(({ data }) => [(data as CommandStatus).id, data as CommandStatus]));
  }

  /** Writes commands to lwm2m.commands as an integrator does, all in one request. */
  async produce(endpoint: string, commands: readonly CommandRequest[], ids: readonly string[]): Promise<void> {
    const messages = commands.map((command, i) => ({
      key: endpoint,
      value: JSON.stringify({ endpoint, ...command }),
      headers: { ce_specversion: '1.0', ce_id: ids[i] ?? '', ce_source: '/erp', ce_type: commandEventType, 'content-type': 'application/json' },
    }));
    await this.#producer.send({ topic: topics.commands, messages });
  }

  /** How long the server takes the device to listen, from its next message on. */
  async #listensFor(endpoint: string, maxTransmitWaitS: number): Promise<void> {
    const url = `http://127.0.0.1:${this.registry.httpPort}/api/v1/endpoints/${endpoint}/settings`;
    const body = JSON.stringify({ maxTransmitWaitS });
    const response = await fetch(url, { method: 'PUT', body, headers: { 'content-type': 'application/json' } });
    expect(response.status).toBe(200);
  }

  async #queueAll(endpoint: string): Promise<void> {
    for (const command of COMMANDS.slice(0, BY_REST)) await this.registry.rest.submit(endpoint, command);
    const byKafka = COMMANDS.slice(BY_REST);
    await this.produce(endpoint, byKafka, byKafka.map((_, i) => `${endpoint}-${BY_REST + i}`));
    const waiting = async () => (await this.registry.rest.endpoint(endpoint))?.queuedCommands;
    await vi.waitFor(async () => expect(await waiting()).toBe(COMMANDS.length), PATIENCE);
  }

  /** Resolves when the processes are dead. */
  async #killAt({ at, n, what }: Kill, device: SimulatedDevice, endpoint: string): Promise<void> {
    if (at === 'result') {
      await vi.waitFor(() => expect(this.results(endpoint).size).toBeGreaterThanOrEqual(n), { ...PATIENCE, interval: 1 });
      return this.#kill(what);
    }
    let seen = 0;
    await new Promise<void>((resolve, reject) => {
      const moment = (): void => {
        if (++seen === n) this.#kill(what).then(resolve, reject);
      };
      if (at === 'answer') device.on('request', moment);
      else device.faults.loseIncoming = ({ code }) => (code.startsWith('0.0') && code !== '0.00' ? (moment(), false) : false);
    });
  }

  async #kill(what: Kill['what']): Promise<void> {
    const redis = what === 'everything' ? this.redis.stopOne(0, 'SIGKILL') : undefined;
    const registry = what === 'everything' ? this.registry.kill() : undefined;
    await Promise.all([this.edge.kill(), redis, registry]);
  }

  async #restart(): Promise<void> {
    await this.redis.startOne(0);
    await Promise.all([this.edge.restart(), this.registry.restart()]);
  }

  #check(endpoint: string, done: readonly string[]): void {
    const results = [...this.results(endpoint).values()];
    const wrong = results.filter(({ state, response }) => state !== 'done' || response?.code.startsWith('2.') !== true);
    expect(wrong, 'commands that did not end as they should').toEqual([]);
    expect(results.flatMap(({ correlation }) => correlation ?? []).sort()).toEqual(COMMANDS.slice(BY_REST).map((_, i) => `${endpoint}-${BY_REST + i}`).sort());
    expect([...done]).toEqual(IN_TURN);
    const told = this.#tap.log.seen.filter((event) => event.endpoint === endpoint && event.type === eventTypes.commandResult);
    expect(new Set(told.map(({ id }) => id)).size, 'each result has one id').toBe(COMMANDS.length);
  }
}

/** The names of the commands that the device carried out, as often as it did. */
function recordOf(device: SimulatedDevice): string[] {
  const done: string[] = [];
  device.on('written', ({ values }) => values.forEach(({ value }) => typeof value === 'string' && done.push(value)));
  device.on('executed', ({ arguments: args }) => done.push(args.slice(3, -1)));
  device.on('created', (path) => done.push(path[1] === 20 ? 'd' : 'm'));
  return done;
}
