/**
 * Times that devices give their values (RFC 8428 §4.5.3): kept as they were told, with the time of receipt beside them, and
 * what they mean for the last value of a path. Against both stores.
 */
import { eventTypes, type ReportValue } from '@cluster/contracts';
import { SimulatedDevice } from '@cluster/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeServer } from '../src/scene.ts';

/** Radio signal strength. */
const PATH = '/4/0/2';
const SENML_JSON = 110;

describeServer('F33, Q25 time series', (scene) => {
  let device: SimulatedDevice;
  let endpoint: string;

  beforeAll(async () => {
    endpoint = `series-${scene.server.mode}`;
    device = new SimulatedDevice({ endpoint, server: `coap://127.0.0.1:${scene.server.coapPort}` });
    await device.start();
  });
  afterAll(() => device?.kill());

  async function send(records: readonly object[]): Promise<ReportValue> {
    const payload = Buffer.from(JSON.stringify(records));
    const { code } = await device.request({ method: 'POST', path: ['dp'], payload, contentFormat: SENML_JSON });
    expect(code).toBe('2.04');
    const last = JSON.stringify((records.at(-1) as { v: number }).v);
    const { data } = await scene.heard(endpoint, eventTypes.send, (event) => JSON.stringify((event.data as ReportValue).values).includes(`"value":${last},`));
    return data as ReportValue;
  }

  /** The last value of the path, once it is this one. */
  async function lastBecomes(value: number) {
    await expect.poll(async () => (await scene.rest.values(endpoint)).find(({ path }) => path === PATH)?.value).toBe(value);
    return (await scene.rest.values(endpoint)).find(({ path }) => path === PATH);
  }

  it('each value has its own time, and the whole has the time of receipt', async () => {
    const nowS = Date.now() / 1_000;
    const { values, receivedAt } = await send([
      { bn: PATH, bt: 1_700_000_000, t: 1, v: 1 }, { t: 2.5, v: 2 },
    ]);
    expect(values.map(({ value, time }) => [value, time])).toEqual([[1, 1_700_000_001], [2, 1_700_000_002.5]]);
    expect(Date.parse(receivedAt) / 1_000).toBeGreaterThan(nowS - 60);
    expect(await lastBecomes(2)).toMatchObject({ time: 1_700_000_002.5, receivedAt, source: 'send' });
  });

  it('a relative time counts from the receipt', async () => {
    const { values, receivedAt } = await send([{ n: PATH, t: -60, v: 3 }]);
    expect(values[0]?.time).toBeCloseTo(Date.parse(receivedAt) / 1_000 - 60, 2);
    await lastBecomes(3);
  });

  it('a value that comes late is told, and does not become the last', async () => {
    const { values } = await send([{ n: PATH, t: 1_700_000_100, v: 4 }]);
    expect(values).toMatchObject([{ value: 4, time: 1_700_000_100 }]);
    await send([{ n: '/3/0/9', v: 5 }]);
    await expect.poll(async () => (await scene.rest.values(endpoint)).some(({ path }) => path === '/3/0/9')).toBe(true);
    expect(await lastBecomes(3)).toBeDefined();
  });

  it('a clock that runs far ahead is marked, and the corrected one is believed again at once', async () => {
    const ahead = Math.floor(Date.now() / 1_000) + 10 * 365 * 86_400;
    const { values } = await send([{ n: PATH, t: ahead, v: 6 }]);
    expect(values).toMatchObject([{ value: 6, time: ahead, timeSuspect: true }]);
    expect(await lastBecomes(6)).toMatchObject({ time: ahead, timeSuspect: true });
    const right = await send([{ n: PATH, t: Date.now() / 1_000 + 1, v: 7 }]);
    expect(right.values[0]).not.toHaveProperty('timeSuspect');
    await lastBecomes(7);
  });
});
