/** Test cases of information reporting, 301 to 311 (OMA LwM2M Core 1.1 §6.4). Periods are shorter here than in the source. */
import { eventTypes, type ReportValue } from '@cluster/contracts';
import { defaultObjects } from '@cluster/testing';
import { expect } from 'vitest';
import { leshan, simulator, simulatorOnly } from '../src/players.ts';
import { describeCases, testCase } from '../src/test-case.ts';
import { byPath, type Trial, type Values } from '../src/trial.ts';

const THREE = ['/3/0/9', '/3/0/16', '/3303/0/5700'];
const PORTFOLIOS = ['/16/0', '/16/1'];
const withoutPortfolio = simulator({
  objects: defaultObjects(300, 'U').map((object) => (object.id === 16 ? { ...object, instances: [] } : object)),
});

describeCases('Information reporting', (group) => {
  const anyone = [leshan({ allObjects: true }), simulator()];
  const creators = [leshan({ allObjects: true }), withoutPortfolio];

  testCase(group, { id: 'int-301', title: 'Observation and Notification of parameter values' }, anyone, async (trial) => {
    await trial.player.register();
    await trial.observe(
      { path: '/3/0/7', attributes: { pmin: 1, pmax: 2 } }, { path: '/3/0/8', attributes: { pmin: 1, pmax: 3 } },
    );
    for (const [path, periodS] of [['/3/0/7', 2], ['/3/0/8', 3]] as const) {
      const told = [await trial.notification([path]), await trial.notification([path]), await trial.notification([path])];
      for (const { values, outOfOrder } of told) {
        expect(values.map((value) => value.path)).toEqual([`${path}/0`, `${path}/1`]);
        expect(outOfOrder).toBeUndefined();
      }
      expectPeriod(told.slice(1), periodS);
    }
    expect((await trial.view()).observations.map(({ state }) => state)).toEqual(['active', 'active']);
  });

  const reset = simulatorOnly('only the simulator tells that it got RST');
  testCase(group, { id: 'int-302', title: 'Cancel Observations using Reset Operation' }, reset, async (trial) => {
    const { device } = trial.player;
    await observeOne(trial);
    const first = trial.notifications;
    await trial.scene.rest.dropRegistration(trial.endpoint); // the server knows its token no more
    await trial.heard(eventTypes.removed);
    const [token] = device.observations.list().map((observation) => observation.token);
    expect(await device.notifyRaw({ ...(token && { token }), payload: Buffer.from('50'), contentFormat: 0 })).toBe('reset');
    expect(device.observations.list()).toEqual([]);
    expect((await trial.view()).observations.filter(({ state }) => state === 'active')).toEqual([]);
    expect(trial.notifications).toBe(first);
  });

  testCase(group, { id: 'int-303', title: 'Cancel Observations using Observe with Cancel parameter' }, anyone, async (trial) => {
    await observeOne(trial);
    const before = trial.notifications;
    await trial.succeeds('2.05', { op: 'cancel-observe', path: '/3303/0/5700' });
    expect((await trial.view()).observations).toEqual([]);
    await expectSilence(trial, before);
  });

  testCase(group, { id: 'int-304', title: 'Observe-Composite Operation' }, anyone, async (trial) => {
    await observeThree(trial);
    for (const value of [31.5, 32.5]) {
      trial.player.setValue('/3303/0/5700', value);
      const { values, observe } = await trial.notification(THREE);
      expect(byPath({ values })).toEqual({ '/3/0/9': 100, '/3/0/16': 'U', '/3303/0/5700': value });
      expect(observe).toBeGreaterThan(0);
    }
  });

  testCase(group, { id: 'int-305', title: 'Cancel Observe-Composite Operation' }, anyone, async (trial) => {
    await observeThree(trial);
    const before = trial.notifications;
    await trial.succeeds('2.05', { op: 'cancel-observe-composite', paths: THREE });
    expect((await trial.view()).observations).toEqual([]);
    await expectSilence(trial, before);
  });

  testCase(group, { id: 'int-306', title: 'Send Operation' }, anyone, async (trial) => {
    await trial.player.register();
    for (const contentFormat of [110, 112]) {
      expect(await trial.player.send(['/3/0/0', '/3303/0/5700'], contentFormat)).toBe('2.04');
      const sent = (await trial.heard(eventTypes.send)).data as ReportValue;
      expect(sent.contentFormat).toBe(contentFormat);
      expect(byPath(sent)).toEqual({ '/3/0/0': expect.any(String), '/3303/0/5700': 21.5 });
    }
  });

  const mutable = simulatorOnly('Leshan does not have the resource Mute Send');
  testCase(group, { id: 'int-307', title: 'Muting Send' }, mutable, async (trial) => {
    await trial.player.register();
    await trial.write('/1/0/23', true);
    expect(await trial.player.send(['/3/0/9'], 112)).toBeUndefined();
    await trial.write('/1/0/23', false);
    expect(await trial.player.send(['/3/0/9'], 112)).toBe('2.04');
    await trial.heard(eventTypes.send);
    expect(trial.scene.told(trial.endpoint, eventTypes.send)).toHaveLength(1);
  });

  testCase(group, { id: 'int-308', title: 'Observe-Composite and Creating Object Instance' }, creators, async (trial) => {
    await trial.player.register();
    await create(trial, 0);
    await trial.succeeds('2.05', { op: 'observe-composite', paths: PORTFOLIOS });
    await create(trial, 1);
    await trial.write('/16/0/0/0', 'changed');
    expect(await lastPortfolios(trial)).toEqual({ '/16/0/0/0': 'changed', '/16/1/0/0': 'Host 1' });
  });

  testCase(group, { id: 'int-309', title: 'Observe-Composite and Deleting Object Instance' }, creators, async (trial) => {
    await trial.player.register();
    await create(trial, 0);
    await create(trial, 1);
    await trial.succeeds('2.05', { op: 'observe-composite', paths: PORTFOLIOS });
    await trial.succeeds('2.02', { op: 'delete', path: '/16/1' });
    await trial.write('/16/0/0/0', 'changed');
    expect(await lastPortfolios(trial)).toEqual({ '/16/0/0/0': 'changed' });
    expect((await trial.view()).observations.map(({ state }) => state)).toEqual(['active']);
  });

  const periods = simulatorOnly('Leshan has no periods for composite observations');
  testCase(group, { id: 'int-310', title: 'Observe-Composite and modification of parameter values' }, periods, async (trial) => {
    await observeThree(trial);
    await trial.writeAttributes('/3', { pmax: 1 });
    await trial.notification(THREE);
    const [first, second] = [await trial.notification(THREE), await trial.notification(THREE)];
    expectPeriod([first, second], 1);
    for (const { values } of [first, second]) expect(values.map(({ path }) => path)).toEqual(expect.arrayContaining(THREE));
  });

  testCase(group, { id: 'int-311', title: 'Send command' }, anyone, async (trial) => {
    await trial.player.register();
    expect(await trial.player.send(['/1/0/1', '/3/0/11/0'], 112)).toBe('2.04');
    const sent = (await trial.heard(eventTypes.send)).data as ReportValue;
    expect(byPath(sent)).toEqual({ '/1/0/1': 300, '/3/0/11/0': 0 });
  });
});

/** The notifications came this far apart; a busy machine may delay one. */
function expectPeriod(told: readonly ReportValue[], periodS: number): void {
  const [earlierMs = 0, laterMs = 0] = told.map(({ receivedAt }) => Date.parse(receivedAt));
  expect(laterMs - earlierMs).toBeGreaterThan(periodS * 1_000 - 500);
  expect(laterMs - earlierMs).toBeLessThan(periodS * 1_000 + 2_000);
}

async function observeOne(trial: Trial): Promise<void> {
  await trial.player.register();
  await trial.succeeds('2.05', { op: 'observe', path: '/3303/0/5700' });
  trial.player.setValue('/3303/0/5700', 22.5);
  expect(byPath(await trial.notification())).toEqual({ '/3303/0/5700': 22.5 });
}

async function observeThree(trial: Trial): Promise<void> {
  await trial.player.register();
  const response = await trial.succeeds('2.05', { op: 'observe-composite', paths: THREE });
  expect(byPath(response)).toEqual({ '/3/0/9': 100, '/3/0/16': 'U', '/3303/0/5700': 21.5 });
}

/** Values of the notification that came by the change of the first instance; some clients tell of the other one before. */
async function lastPortfolios(trial: Trial): Promise<Values> {
  for (;;) {
    const values = byPath(await trial.notification(PORTFOLIOS));
    if (values['/16/0/0/0'] === 'changed') return values;
  }
}

/** A Send comes after what the device would have notified: once it is told, a notification would have been told too. */
async function expectSilence(trial: Trial, before: number): Promise<void> {
  trial.player.setValue('/3303/0/5700', 40.5);
  await trial.player.send(['/3303/0/5700'], 112);
  await trial.heard(eventTypes.send);
  expect(trial.notifications).toBe(before);
}

async function create(trial: Trial, instance: number): Promise<void> {
  const values = [{ path: `/16/${instance}/0/0`, value: `Host ${instance}` }];
  const { location } = await trial.succeeds('2.01', { op: 'create', path: '/16', values });
  expect(location).toBe(`/16/${instance}`);
}
