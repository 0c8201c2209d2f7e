/** A device between two edges and an operator between two registries: nobody notices which process serves them. */
import { once } from 'node:events';
import { Code } from '@cluster/coap';
import { eventTypes, topics, type CommandStatus, type StreamedEvent } from '@cluster/contracts';
import { SimulatedDevice } from '@cluster/testing';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { readConsole } from '../src/console-consumer.ts';
import { openEventStream, type EventStream } from '../src/event-stream.ts';
import { RawPeer, type RawRequest } from '../src/raw-peer.ts';
import { reports } from '../src/scene.ts';
import { describeCluster } from './stage.ts';

const TEMPERATURE = '/3303/0/5700';
const READ = { op: 'read', path: '/3/0/0', accept: 0 } as const;

describeCluster('handover', (stage) => {
  let endpoint: string;
  let device: SimulatedDevice;
  let streams: EventStream[];

  beforeAll(async () => {
    endpoint = `device-${stage.name}`;
    streams = [await openEventStream(stage.first.httpPort), await openEventStream(stage.second.httpPort)];
    device = new SimulatedDevice({ endpoint, server: `coap://127.0.0.1:${stage.balancer.port}`, lifetimeS: 300 });
    await device.start();
  });
  afterAll(() => {
    for (const stream of streams) stream.close();
    device.kill();
  });

  /** The event as both registries tell it. */
  async function heard(...what: Parameters<EventStream['log']['next']>): Promise<StreamedEvent> {
    const [one, other] = await Promise.all(streams.map((stream) => stream.log.next(...what)));
    expect(other).toEqual(one);
    return one!;
  }

  const result = (id: string) => heard(endpoint, eventTypes.commandResult, ({ data }) => (data as CommandStatus).id === id);

  it('is registered at the edge that took the Register', async () => {
    await heard(endpoint, eventTypes.registered);
    expect(await stage.second.rest.endpoint(endpoint)).toMatchObject({ state: 'registered', owner: `${stage.name}-a` });
  });

  it('is owned by the edge that took its Update', async () => {
    stage.balancer.route(stage.b.coapPort);
    expect(await device.update()).toBe('2.04');
    await heard(endpoint, eventTypes.updated);
    expect(await stage.first.rest.endpoint(endpoint)).toMatchObject({ state: 'registered', owner: `${stage.name}-b`, generation: 1 });
  });

  it('gets the commands of both registries from its owner', async () => {
    for (const registry of [stage.first, stage.second]) {
      const { id } = await registry.rest.submit(endpoint, READ);
      expect((await result(id)).data).toMatchObject({ state: 'done', response: { code: '2.05' } });
    }
    expect(await stage.b.metric('lwm2m_downlink_requests_total')).toBe(2);
    expect(await stage.a.metric('lwm2m_downlink_requests_total')).toBe(0);
  });

  it('answers a caller who waits at the second registry', async () => {
    const response = await stage.second.rest.command(endpoint, READ);
    expect(response).toMatchObject({ code: '2.05', values: [{ path: '/3/0/0', value: 'Open Mobile Alliance' }] });
  });

  it('has its notifications acknowledged by an edge that never saw the observation begin', async () => {
    const observed = once(device, 'observed');
    await stage.first.rest.observe(endpoint, [{ path: TEMPERATURE }]);
    await observed;
    await heard(endpoint, eventTypes.notification, reports(TEMPERATURE, device.getValue(TEMPERATURE)));
    const token = device.observations.list()[0]?.token;
    stage.balancer.route(stage.a.coapPort);
    const notified = once(device, 'notified');
    device.setValue(TEMPERATURE, 31.5);
    expect((await notified)[0]).toMatchObject({ delivery: 'acknowledged' });
    await heard(endpoint, eventTypes.notification, reports(TEMPERATURE, 31.5));
    expect(device.observations.list()).toMatchObject([{ token }]);
    await vi.waitFor(async () => expect(await stage.second.rest.endpoint(endpoint)).toMatchObject({ owner: `${stage.name}-a` }), 5_000);
  });

  it('lets a reader go on at the other registry without gap or repeat', async () => {
    const reader = await openEventStream(stage.first.httpPort);
    expect(await device.send([TEMPERATURE])).toBe('2.04');
    await reader.log.next(endpoint, eventTypes.send);
    reader.close();
    const missed: string[] = [];
    for (let value = 40; value < 45; value++) {
      device.setValue(TEMPERATURE, value);
      missed.push((await heard(endpoint, eventTypes.notification, reports(TEMPERATURE, value))).id);
    }
    const resumed = await openEventStream(stage.second.httpPort, reader.lastEventId);
    const mine = (event: StreamedEvent) => event.endpoint === endpoint && event.type === eventTypes.notification;
    const own = () => resumed.log.seen.filter(mine).map(({ id }) => id);
    await vi.waitFor(() => expect(own()).toEqual(missed), 15_000);
    device.setValue(TEMPERATURE, 45);
    const live = await resumed.log.next(endpoint, eventTypes.notification, reports(TEMPERATURE, 45));
    resumed.close();
    expect(own()).toEqual([...missed, live.id]);
  });

  it('gives a repeated Register the same location, whichever edge it reaches', async () => {
    const peer = await RawPeer.open();
    const register: RawRequest = {
      code: Code.POST, path: ['rd'], query: [`ep=${endpoint}-twice`, 'lt=300', 'lwm2m=1.1'],
      payload: '</3/0>', contentFormat: 40, messageId: 4711,
    };
    const answers = [];
    for (const edge of [stage.a, stage.b, stage.a]) answers.push(await peer.request(edge.coapPort, register));
    peer.close();
    expect(answers.map((answer) => answer?.code)).toEqual(['2.01', '2.01', '2.01']);
    const locations = answers.map((answer) => answer?.message.options);
    expect(locations[1]).toEqual(locations[0]);
    expect(locations[2]).toEqual(locations[0]);
    await heard(`${endpoint}-twice`, eventTypes.registered);
    const told = streams[0]!.log.seen.filter((event) => event.endpoint === `${endpoint}-twice`);
    expect(new Set(told.map(({ id }) => id)).size).toBe(1);
  });

  it('is told to Kafka as CloudEvents keyed by the endpoint, with a fence that rises at each handover', async () => {
    const printed = (await readConsole(stage.kafkaBrokers, topics.registrations)).filter(({ key }) => key === endpoint);
    for (const { headers } of printed) expect(headers['ce_source']).toBe('/lwm2m/edge'); // equal source and id: one event
    const records = distinct(printed, ({ headers }) => headers['ce_id']);
    const attributes = { ce_specversion: '1.0', ce_subject: endpoint, ce_tenant: 'default', ce_generation: '1' };
    const common = { ...attributes, 'content-type': 'application/json' };
    expect(records.map(({ headers }) => headers)).toMatchObject([
      { ...common, ce_type: eventTypes.registered, ce_fence: '1' },
      { ...common, ce_type: eventTypes.updated, ce_fence: '2' },
    ]);
    const about = (event: StreamedEvent) => event.endpoint === endpoint && event.type.startsWith('lwm2m.registration.');
    const streamed = distinct(streams[0]!.log.seen.filter(about), ({ id }) => id);
    expect(records.map(({ headers }) => headers['ce_id'])).toEqual(streamed.map(({ id }) => id));
    expect(records.map(({ value }) => JSON.parse(value) as unknown)).toEqual(streamed.map(({ data }) => data));
  });
});

/** A new owner tells again what it does not know to be told: equal ids are one event. */
function distinct<T>(items: readonly T[], idOf: (item: T) => string | undefined): T[] {
  return [...new Map(items.map((item) => [idOf(item), item])).values()];
}
