/** Test cases of cellular connectivity, APN profiles, bearers, portfolio, application data and the event log; 1200 to 2001. */
import { eventTypes, type RegistrationValue } from '@cluster/contracts';
import { bearerObject, defaultObjects } from '@cluster/testing';
import { expect, vi } from 'vitest';
import { leshan, simulator, simulatorOnly } from '../src/players.ts';
import { describeCases, shared, testCase } from '../src/test-case.ts';
import { byPath, type Trial } from '../src/trial.ts';

/** "int-1630" of the specification, its multiple resource's type corrected: instance 1 with two identities. */
const PORTFOLIO_TLV = Buffer.from(
  '08012e88002b480011486f737420446576696365204944202332480114486f737420446576696365204d6f64656c202332', 'hex',
).toString('base64');
const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** Object 10 1.1 numbers them so; the specification's numbers are those of a draft. */
const SUPPORTED_PSM = '/10/0/12';
const ACTIVE_PSM = '/10/0/13';

describeCases('Further objects', (group) => {
  const thirdParty = [shared(leshan({ allObjects: true }))];
  const anyone = [...thirdParty, shared(simulator())];

  testCase(group, { id: 'int-1200', title: 'Querying the readable resources of Cellular Connectivity' }, thirdParty, async (trial) => {
    expect(await trial.read('/10/0', 11_542)).toMatchObject({
      '/10/0/0': '+33612345678', '/10/0/1': 0, '/10/0/4': 3_600, '/10/0/5': 20, '/10/0/8': 'KQ==', '/10/0/9': 'JQ==', '/10/0/11/0': '11:0',
    });
  });

  testCase(group, { id: 'int-1201', title: 'Querying the readable resources of Cellular Connectivity 1.1' }, thirdParty, async (trial) => {
    expect((await trial.view()).objectLinks).toContainEqual({ path: '/10', version: '1.1' });
    expect((await trial.discover('/10'))[0]).toBe('</10>;ver=1.1');
    const { values } = await trial.succeeds('2.05', { op: 'read', path: '/10/0' });
    expect(values).toContainEqual(expect.objectContaining({ path: SUPPORTED_PSM, value: 6, type: 'unsigned' })); // only 1.1 has it
  });

  testCase(group, { id: 'int-1202', title: 'Setting the power saving mode' }, thirdParty, async (trial) => {
    expect(await trial.read(SUPPORTED_PSM)).toEqual({ [SUPPORTED_PSM]: 6 });
    await trial.write(ACTIVE_PSM, 2, 11_542);
    expect(await trial.read(ACTIVE_PSM)).toEqual({ [ACTIVE_PSM]: 2 });
    await trial.write(ACTIVE_PSM, 0);
  });

  testCase(group, { id: 'int-1203', title: 'Observing the power saving mode' }, thirdParty, async (trial) => {
    await observeWrites(trial, { [ACTIVE_PSM]: 4 }, [SUPPORTED_PSM]);
  });

  testCase(group, { id: 'int-1204', title: 'Observing the timers of power saving' }, thirdParty, async (trial) => {
    await observeWrites(trial, { '/10/0/4': 7_200, '/10/0/5': 40, '/10/0/8': 'Kg==', '/10/0/9': 'Jg==' });
  });

  testCase(group, { id: 'int-1250', title: 'APN configuration' }, thirdParty, async (trial) => {
    const values = [{ path: '/11/1/0', value: 'profile' }, { path: '/11/1/1', value: 'internet' }, { path: '/11/1/4', value: 0 }];
    expect((await trial.succeeds('2.01', { op: 'create', path: '/11', values })).location).toBe('/11/1');
    await trial.succeeds('2.04', { op: 'execute', path: '/1/0/8' });
    await trial.heard(eventTypes.updated, ({ data }) => (data as RegistrationValue).objectLinks.some(({ path }) => path === '/11/1'));
    await trial.write('/11/1/3', true);
    expect(await trial.read('/11/1')).toMatchObject({ '/11/1/0': 'profile', '/11/1/3': true });
    const { values: profiles } = await trial.succeeds('2.05', { op: 'read', path: '/10/0/11' });
    expect(profiles).toEqual([expect.objectContaining({ path: '/10/0/11/0', value: '11:0', type: 'objlnk' })]);
  });

  const moving = simulatorOnly('Leshan keeps its address', simulator({ objects: [...defaultObjects(300, 'U'), bearerObject] }));
  testCase(group, { id: 'int-1350', title: 'Bearer Selection' }, moving, async (trial) => {
    const { device } = trial.player;
    await device.register();
    const { registrationId } = await trial.view();
    await trial.succeeds('2.01', { op: 'create', path: '/13', values: [{ path: '/13/0/0/0', value: 1 }] });
    for (const bearer of [2, 3]) {
      const port = await device.rebind(); // the other bearer
      await device.update();
      await trial.heard(eventTypes.updated);
      expect(await trial.view()).toMatchObject({ registrationId, address: `udp:127.0.0.1:${port}` });
      await trial.succeeds('2.04', { op: 'write', path: '/13/0/0', values: [{ path: '/13/0/0/0', value: bearer }] });
      expect(await trial.read('/13/0/0')).toEqual({ '/13/0/0/0': bearer });
    }
  });

  testCase(group, { id: 'int-1630', title: 'Creating an instance of Portfolio' }, anyone, async (trial) => {
    const first = [{ path: '/16/0/0/0', value: 'Host Device ID #1' }];
    if ((await trial.discover('/16')).length === 1) await trial.succeeds('2.01', { op: 'create', path: '/16', values: first });
    expect(await trial.discover('/16/0')).toContainEqual(expect.stringContaining('</16/0/0>'));
    await trial.succeeds('2.01', { op: 'create', path: '/16', payloadBase64: PORTFOLIO_TLV, contentFormat: 11_542 });
    // by Location-Path, or by the Update of a client that is told the id and does not repeat it
    await vi.waitFor(async () => expect((await trial.view()).objectLinks).toContainEqual({ path: '/16/1' }), { timeout: 10_000 });
    expect(await trial.discover('/16/1')).toContainEqual(expect.stringContaining('</16/1/0>'));
    expect(await trial.read('/16')).toMatchObject({ '/16/1/0/0': 'Host Device ID #2', '/16/1/0/1': 'Host Device Model #2' });
  });

  testCase(group, { id: 'int-1635', title: 'Deleting the instances of Portfolio' }, anyone, async (trial) => {
    for (const { path } of (await trial.view()).objectLinks) {
      if (path.startsWith('/16/')) await trial.succeeds('2.02', { op: 'delete', path });
    }
    expect(await trial.discover('/16')).toEqual(['</16>']);
    expect((await trial.view()).objectLinks.filter(({ path }) => path.startsWith('/16/'))).toEqual([]);
  });

  testCase(group, { id: 'int-1900', title: 'Observation of BinaryAppDataContainer' }, thirdParty, async (trial) => {
    expect(await trial.discover('/19')).toContainEqual(expect.stringContaining('</19/0/0>'));
    await trial.observe({ path: '/19/0/0', attributes: { pmin: 300, pmax: 3_600 } });
    const { values } = await trial.notification(['/19/0/0']);
    expect(values).toEqual([expect.objectContaining({ path: '/19/0/0/0', value: base64('first'), type: 'opaque' })]);
    expect((await trial.discover('/19/0/0'))[0]).toMatch(/pmin=300;pmax=3600/);
    await trial.observe();
  });

  testCase(group, { id: 'int-1901', title: 'Setting the data of BinaryAppDataContainer' }, thirdParty, async (trial) => {
    await trial.succeeds('2.01', { op: 'create', path: '/19', values: [{ path: '/19/1/0/0', value: base64('one') }] });
    for (const contentFormat of [112, 11_542]) {
      const values = [{ path: '/19/1/0/0', value: base64(`data ${contentFormat}`) }];
      await trial.succeeds('2.04', { op: 'write', path: '/19/1/0', values, contentFormat });
      expect(await trial.read('/19/1/0')).toEqual({ '/19/1/0/0': base64(`data ${contentFormat}`) });
    }
  });

  testCase(group, { id: 'int-2000', title: 'Controlling the event log' }, thirdParty, async (trial) => {
    await trial.write('/20/0/4010', 1);
    await trial.write('/20/0/4015', 0);
    // The specification writes to LogStart, which the registry has as executable.
    const written = await trial.command({ op: 'write', path: '/20/0/4011', payloadBase64: base64('0,100'), contentFormat: 0 });
    expect(['4.00', '4.05']).toContain(written.code);
    await trial.succeeds('2.04', { op: 'execute', path: '/20/0/4011', arguments: "0='0',1='100'" });
    await trial.succeeds('2.04', { op: 'execute', path: '/20/0/4012' });
    expect(await trial.read('/20/0/4010')).toEqual({ '/20/0/4010': 1 });
  });

  testCase(group, { id: 'int-2001', title: 'Querying the readable resources of the event log' }, thirdParty, async (trial) => {
    expect(await trial.read('/20/0', 11_542)).toEqual({ '/20/0/4010': 1, '/20/0/4013': 0, '/20/0/4014': base64('log'), '/20/0/4015': 0 });
  });
});

/** Observes each path, and those besides that nobody writes; writes the values and sees them in notifications. */
async function observeWrites(trial: Trial, writes: Readonly<Record<string, number | string>>, besides: readonly string[] = []): Promise<void> {
  const paths = [...Object.keys(writes), ...besides];
  await trial.observe(...paths.map((path) => ({ path, attributes: { pmin: 0, pmax: 60 } })));
  for (const path of paths) await trial.notification([path]);
  for (const [path, value] of Object.entries(writes)) {
    await trial.write(path, value);
    expect(byPath(await trial.notification([path]))).toEqual({ [path]: value });
  }
  await trial.observe();
}
