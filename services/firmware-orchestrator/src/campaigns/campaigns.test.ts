/** Campaigns through REST, on embedded storage, with devices that are played: what operators see of them. */
import type { CampaignDevicePage, CampaignView } from '@cluster/contracts';
import { campaignUpdateId } from '@cluster/fleet';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { bytesOf } from '../testing/bench.ts';
import { CampaignBench } from '../testing/campaign-bench.ts';

let bench: CampaignBench;
let wanted: string;
beforeAll(async () => {
  bench = await CampaignBench.open();
  await bench.start({ baseUris: { coap: 'coap://server' }, campaigns: { pollMs: 10, idleMs: 5, idleMostMs: 20, retryMs: 5, leaseMs: 1_000 } });
  wanted = await bench.package(bytesOf(2_000));
});
afterAll(() => bench.close());

const CAMPAIGNS = '/api/v1/firmware/campaigns';

describe('a campaign', { timeout: 30_000 }, () => {
  it('takes devices in waves, and waits for approval between them', async () => {
    await bench.devices('wave', 10);
    const started = await bench.campaign({ package: wanted, target: { endpointPattern: 'wave-*' }, waves: [{ count: 2, approval: true }, { percent: 50 }, { percent: 100 }] });
    const canary = await bench.until(started, ({ state }) => state === 'awaiting-approval');
    expect(canary).toMatchObject({ counts: { succeeded: 2, waiting: 8 }, wave: 1, reason: expect.stringContaining('approval') as string });
    expect((await bench.call('POST', `${CAMPAIGNS}/${started}/approve`)).body).toMatchObject({ state: 'running', wave: 2 });
    const done = await bench.until(started, ({ state }) => state === 'done');
    expect(done.counts).toMatchObject({ targets: 10, succeeded: 10, waiting: 0, running: 0 });
    expect(bench.begun('wave')).toBe(10);
    expect((await bench.call('POST', `${CAMPAIGNS}/${started}/pause`)).body).toMatchObject({ code: 'CAMPAIGN_STATE' });
  });

  it('is halted by its budget, tells why, and may be let go on', async () => {
    await bench.devices('bad', 20, (i) => ({ downloadResult: i % 2 === 0 ? 5 : 0 }));
    const id = await bench.campaign({ package: wanted, target: { endpointPattern: 'bad-*' }, maxConcurrent: 2, budget: { failedPercent: 20, minimum: 4 } });
    const halted = await bench.until(id, ({ state }) => state === 'halted');
    expect(halted.reason).toMatch(/did not succeed, more than 20 %/);
    expect(halted.counts.waiting).toBeGreaterThan(8);
    const { devices } = (await bench.call('GET', `${CAMPAIGNS}/${id}/devices?state=failed`)).body as unknown as CampaignDevicePage;
    expect(devices[0]).toMatchObject({ state: 'failed', error: 'result-5', stage: 'failed', wave: 1, attempts: 1, reason: expect.stringContaining('Update Result 5') as string });
    expect(devices[0]?.update).toBe(campaignUpdateId(id, devices[0]!.endpoint, 1));
    expect((await bench.call('POST', `${CAMPAIGNS}/${id}/resume`)).body).toMatchObject({ state: 'running' });
    await bench.until(id, ({ state }) => state === 'halted');
    expect((await bench.call('POST', `${CAMPAIGNS}/${id}/abort`)).status).toBe(200);
    const aborted = await bench.until(id, ({ state }) => state === 'aborted');
    const { succeeded, failed, cancelled } = aborted.counts;
    expect(succeeded + (failed['result-5'] ?? 0) + cancelled).toBe(20);
  });

  it('begins no more while it is paused', async () => {
    await bench.devices('pause', 4, () => ({ stays: true }));
    const id = await bench.campaign({ package: wanted, target: { endpointPattern: 'pause-*' }, maxConcurrent: 1 });
    await bench.until(id, ({ counts }) => counts.running === 1);
    expect((await bench.call('POST', `${CAMPAIGNS}/${id}/pause`)).body).toMatchObject({ state: 'paused', reason: 'an operator paused it' });
    bench.letGo('pause');
    await bench.until(id, ({ counts }) => counts.succeeded === 1);
    expect(await bench.view(id)).toMatchObject({ state: 'paused', counts: { waiting: 3, running: 0 } });
    await bench.call('POST', `${CAMPAIGNS}/${id}/resume`);
    await bench.until(id, ({ state }) => state === 'done');
  });

  it('waits for devices that sleep, and begins them when they are heard', async () => {
    await bench.devices('sleepy', 3, () => ({ asleep: true }));
    const id = await bench.campaign({ package: wanted, target: { endpointPattern: 'sleepy-*' } });
    await bench.until(id, ({ counts }) => counts.asleep === 3);
    const { devices } = (await bench.call('GET', `${CAMPAIGNS}/${id}/devices`)).body as unknown as CampaignDevicePage;
    expect(devices.map(({ reason }) => reason)).toEqual(Array.from({ length: 3 }, () => expect.stringContaining('begun when it is awake') as string));
    for (const i of [0, 1, 2]) await bench.wake(`sleepy-${i}`);
    expect((await bench.until(id, ({ state }) => state === 'done')).counts.succeeded).toBe(3);
  });

  it('tries again by the class of the error', async () => {
    await bench.devices('again', 2, () => ({ downloadResult: 4, failures: 1 }));
    const id = await bench.campaign({ package: wanted, target: { endpointPattern: 'again-*' }, retry: { device: { times: 1, afterS: 0 } } });
    expect((await bench.until(id, ({ state }) => state === 'done')).counts).toMatchObject({ succeeded: 2, failed: {} });
    const { devices } = (await bench.call('GET', `${CAMPAIGNS}/${id}/devices`)).body as unknown as CampaignDevicePage;
    expect(devices.map(({ attempts }) => attempts)).toEqual([2, 2]);
  });

  it('holds devices of a label back behind its cap, and no others', async () => {
    await bench.devices('cell', 6, (i) => ({ stays: true, labels: { cell: i < 4 ? 'a' : 'b' } }));
    const id = await bench.campaign({ package: wanted, target: { endpointPattern: 'cell-*' }, perLabel: { label: 'cell', maxConcurrent: 1 } });
    const full = await bench.until(id, ({ counts }) => counts.running === 2 && counts.held === 4);
    expect(full.counts.waiting).toBe(0);
    bench.letGo('cell');
    expect((await bench.until(id, ({ state }) => state === 'done')).counts.succeeded).toBe(6);
  });

  it('is only for devices that run one of the versions', async () => {
    await bench.devices('from', 4, (i) => ({ version: i < 3 ? '1.0' : '0.9' }));
    const id = await bench.campaign({ package: wanted, target: { endpointPattern: 'from-*' }, currentVersions: ['1.0'] });
    expect((await bench.until(id, ({ state }) => state === 'done')).counts).toMatchObject({ succeeded: 3, skipped: 1 });
  });

  it('takes devices over from another one, where it says so', async () => {
    await bench.devices('over', 4, () => ({ stays: true }));
    const target = { endpointPattern: 'over-*' };
    const first = await bench.campaign({ package: wanted, target, maxConcurrent: 2 });
    await bench.until(first, ({ counts }) => counts.running === 2);
    const refused = await bench.call('POST', CAMPAIGNS, { package: wanted, target: { endpoints: ['over-1'] } });
    expect(refused).toMatchObject({ status: 409, body: { code: 'CAMPAIGN_OVERLAPS', detail: expect.stringContaining(first) as string } });
    const second = await bench.campaign({ package: wanted, target, supersede: true });
    expect((await bench.until(first, ({ state }) => state === 'done')).counts.superseded).toBe(4);
    bench.letGo('over');
    expect((await bench.until(second, ({ state }) => state === 'done')).counts.succeeded).toBe(4);
  });

  it('is shown in lists, by pages', async () => {
    await bench.devices('page', 5, () => ({ stays: true }));
    const id = await bench.campaign({ package: wanted, target: { endpointPattern: 'page-*' }, notBefore: '2999-01-01T00:00:00Z' });
    await bench.until(id, ({ selecting }) => !selecting);
    expect((await bench.view(id)).reason).toContain('begins at 2999');
    const found: string[] = [];
    for (let cursor = ''; ;) {
      const { devices, next } = (await bench.call('GET', `${CAMPAIGNS}/${id}/devices?limit=2${cursor}`)).body as unknown as CampaignDevicePage;
      found.push(...devices.map(({ endpoint }) => endpoint));
      if (next === undefined) break;
      cursor = `&cursor=${next}`;
    }
    expect(found.toSorted()).toEqual([0, 1, 2, 3, 4].map((i) => `page-${i}`));
    const listed = (await bench.call('GET', `${CAMPAIGNS}?limit=1`)).body as { campaigns: CampaignView[]; next?: string };
    expect(listed.campaigns[0]?.id).toBe(id);
    expect(listed.next).toBeDefined();
    await bench.call('POST', `${CAMPAIGNS}/${id}/abort`);
    expect((await bench.until(id, ({ state }) => state === 'aborted')).counts.cancelled).toBe(5);
  });

  it('is started once by its idempotency key', async () => {
    await bench.devices('key', 1);
    const request = { package: wanted, target: { endpointPattern: 'key-*' }, idempotencyKey: 'spring' };
    const id = await bench.campaign(request);
    expect(await bench.campaign(request)).toBe(id);
    expect((await bench.call('POST', CAMPAIGNS, { ...request, maxConcurrent: 7 })).body).toMatchObject({ status: 422, code: 'IDEMPOTENCY_KEY_REUSED' });
    await bench.until(id, ({ state }) => state === 'done');
  });

  it('tells each of its states', async () => {
    await bench.devices('told', 1);
    const id = await bench.campaign({ package: wanted, target: { endpointPattern: 'told-*' } });
    await bench.until(id, ({ state }) => state === 'done');
    await vi.waitFor(() => expect(bench.told(id)).toEqual(['running', 'done']));
  });
});

describe('a campaign that can not be', () => {
  const OPEN = { timeZone: 'UTC', from: '01:00', to: '02:00' };
  it.each<[string, object, number, string]>([
    ['percentages that do not grow', { waves: [{ percent: 50 }, { percent: 50 }, { percent: 100 }] }, 400, 'waves.1.percent'],
    ['a last wave short of all', { waves: [{ percent: 50 }] }, 400, 'waves.0'],
    ['a count in a later wave', { waves: [{ percent: 5 }, { count: 50 }, { percent: 100 }] }, 400, 'waves.1.count'],
    ['a wave of nothing', { waves: [{}] }, 400, 'waves.0'],
    ['an empty selector', { target: {} }, 400, 'target'],
    ['a window that ends where it begins', { windows: [{ ...OPEN, to: '01:00' }] }, 400, 'windows.0'],
    ['a time zone that is none', { windows: [{ ...OPEN, timeZone: 'Mars/Olympus' }] }, 400, 'windows.0.timeZone'],
    ['a window that does not open in time', { windows: [OPEN], notBefore: '2999-01-01T03:00:00Z', notAfter: '2999-01-01T05:00:00Z' }, 400, 'windows'],
    ['a time that is over', { notAfter: '2001-01-01T00:00:00Z' }, 400, 'notAfter'],
    ['a label without a cap', { perLabel: { label: 'cell' } }, 400, 'perLabel'],
    ['a class of error that is none', { retry: { bad: { times: 1 } } }, 400, 'retry'],
  ])('%s: %j', async (_name, more, status, path) => {
    const { body } = await bench.call('POST', CAMPAIGNS, { package: wanted, target: { endpointPattern: 'wave-*' }, ...more });
    expect(body).toMatchObject({ status });
    expect((body['faults'] as { path: string }[]).map((fault) => fault.path).join()).toContain(path);
  });

  it.each<[string, object, number, string]>([
    ['a package that is not there', { package: 'p'.repeat(22) }, 404, 'PACKAGE_UNKNOWN'],
    ['a group that is not there', { target: { group: 'nobody' } }, 404, 'GROUP_UNKNOWN'],
    ['a selector that selects nobody', { target: { endpointPattern: 'nobody-*' } }, 422, 'CAMPAIGN_TARGETS_NONE'],
  ])('%s', async (_name, more, status, code) => {
    expect((await bench.call('POST', CAMPAIGNS, { package: wanted, target: { endpointPattern: 'wave-*' }, ...more })).body).toMatchObject({ status, code });
  });

  it('a package that has not all its bytes', async () => {
    const half = await bench.announce(bytesOf(3_000));
    expect((await bench.call('POST', CAMPAIGNS, { package: half, target: { endpointPattern: 'wave-*' } })).body).toMatchObject({ status: 409, code: 'PACKAGE_INCOMPLETE' });
  });

  it.each([['GET', ''], ['GET', '/devices'], ['POST', '/pause'], ['POST', '/abort']])('%s of one that is not there%s', async (method, path) => {
    expect((await bench.call(method, `${CAMPAIGNS}/none${path}`)).body).toMatchObject({ status: 404, code: 'CAMPAIGN_UNKNOWN' });
  });
});
