/** Test cases of the objects that most devices have: Device, Connectivity Monitoring, Firmware Update, Location, Connectivity Statistics; 651 to 910. */
import { defaultObjects, locationObject } from '@cluster/testing';
import { expect } from 'vitest';
import { leshan, simulator, simulatorOnly } from '../src/players.ts';
import { describeCases, shared, testCase } from '../src/test-case.ts';
import { byPath } from '../src/trial.ts';

/** "int-651" of the specification: 13, 14 and 15 of the device's object. */
const DEVICE_TLV = Buffer.from('c40d5182428fc60e2b30323a3030c80f0c4575726f70652f5061726973', 'hex').toString('base64');
const DEVICE_VALUES = { '/3/0/13': 1_367_491_215, '/3/0/14': '+02:00', '/3/0/15': 'Europe/Paris' };

describeCases('Objects of the device', (group) => {
  const device = shared(simulator({ objects: [...defaultObjects(300, 'U'), locationObject] }));
  const anyone = [shared(leshan({ allObjects: true })), device];

  testCase(group, { id: 'int-651', title: 'Check access to Resources' }, anyone, async (trial) => {
    await trial.write('/3/0/14', 'Z', 11_542);
    await trial.write('/3/0/15', 'UTC', 11_542);
    await trial.succeeds('2.04', { op: 'write-partial', path: '/3/0', payloadBase64: DEVICE_TLV, contentFormat: 11_542 });
    expect(await trial.read('/3/0', 11_542)).toMatchObject({ ...DEVICE_VALUES, '/3/0/0': expect.any(String), '/3/0/16': 'U' });
    for (const [path, value] of Object.entries({ ...DEVICE_VALUES, '/3/0/14': '+01:00' })) await trial.write(path, value, 11_542);
    expect(await trial.read('/3/0', 11_542)).toMatchObject({ ...DEVICE_VALUES, '/3/0/14': '+01:00' });
  });

  testCase(group, { id: 'int-652', title: 'Querying the firmware version from the client' }, anyone, async (trial) => {
    expect(await trial.read('/3/0/3')).toEqual({ '/3/0/3': '1.0' });
  });

  const allowed = simulatorOnly('Leshan answers 4.00', device);
  testCase(group, { id: 'int-680', title: 'Creating an instance of the object Device' }, allowed, async (trial) => {
    await trial.succeeds('4.05', { op: 'create', path: '/3', values: [{ path: '/3/1/15', value: 'UTC' }] });
    expect((await trial.view()).objectLinks.map(({ path }) => path)).not.toContain('/3/1');
  });

  testCase(group, { id: 'int-685', title: 'Deleting an instance of the object Device' }, anyone, async (trial) => {
    await trial.succeeds('4.05', { op: 'delete', path: '/3/0' });
    expect((await trial.view()).objectLinks.map(({ path }) => path)).toContain('/3/0');
    await trial.read('/3/0/0');
  });

  testCase(group, { id: 'int-701', title: 'Querying the readable resources of Connectivity Monitoring' }, anyone, async (trial) => {
    expect(await trial.read('/4/0')).toMatchObject({
      '/4/0/0': 0, '/4/0/1/0': 0, '/4/0/2': -92, '/4/0/3': 2, '/4/0/4/0': '192.168.0.100', '/4/0/5/0': '192.168.1.1',
      '/4/0/6': 5, '/4/0/7/0': 'internet',
    });
  });

  testCase(group, { id: 'int-710', title: 'Basic observation and notification on Connectivity Monitoring' }, anyone, async (trial) => {
    await trial.observe({ path: '/4/0', attributes: { pmin: 1, pmax: 2 } });
    expect(byPath(await trial.notification(['/4/0']))).toMatchObject({ '/4/0/2': -92, '/4/0/4/0': '192.168.0.100' });
    trial.player.setValue('/4/0/2', -71);
    expect(byPath(await trial.notification(['/4/0']))).toMatchObject({ '/4/0/2': -71, '/4/0/4/0': '192.168.0.100' });
    expect(byPath(await trial.notification(['/4/0']))).toMatchObject({ '/4/0/2': -71 }); // by pmax
    await trial.observe();
    trial.player.setValue('/4/0/2', -92);
  });

  testCase(group, { id: 'int-751', title: 'Querying the readable resources of Firmware Update' }, anyone, async (trial) => {
    expect(await trial.read('/5/0')).toMatchObject({ '/5/0/3': 0, '/5/0/5': 0, '/5/0/8/0': 0, '/5/0/9': 2 });
  });

  testCase(group, { id: 'int-801', title: 'Querying the readable resources of Location' }, anyone, async (trial) => {
    const { values = [] } = await trial.succeeds('2.05', { op: 'read', path: '/6/0' });
    const types = Object.fromEntries(values.map(({ path, type }) => [path, type]));
    expect(types).toMatchObject({ '/6/0/0': 'float', '/6/0/1': 'float', '/6/0/2': 'float', '/6/0/5': 'time' });
    expect(byPath({ values })).toMatchObject({ '/6/0/0': 48.1375, '/6/0/1': -11.575, '/6/0/2': 519.5, '/6/0/5': 1_367_491_215 });
  });

  testCase(group, { id: 'int-810', title: 'Observation and notification of Location' }, anyone, async (trial) => {
    await trial.observe({ path: '/6/0', attributes: { pmin: 1, pmax: 10 } });
    expect(byPath(await trial.notification(['/6/0']))).toMatchObject({ '/6/0/2': 519.5 });
    trial.player.setValue('/6/0/2', 530.25);
    expect(byPath(await trial.notification(['/6/0']))).toMatchObject({ '/6/0/2': 530.25, '/6/0/0': 48.1375 });
    await trial.observe();
    trial.player.setValue('/6/0/2', 519.5);
  });

  testCase(group, { id: 'int-901', title: 'Collecting connectivity statistics' }, anyone, async (trial) => {
    await trial.succeeds('2.04', { op: 'execute', path: '/7/0/6' });
    trial.player.setValue('/7/0/2', 17);
    await trial.succeeds('2.04', { op: 'execute', path: '/7/0/7' });
    expect(await trial.read('/7/0')).toMatchObject({ '/7/0/2': 17, '/7/0/3': 0, '/7/0/4': 0, '/7/0/5': 0 });
    trial.player.setValue('/7/0/2', 0);
  });

  testCase(group, { id: 'int-905', title: 'Setting the writable resources of Connectivity Statistics' }, anyone, async (trial) => {
    await trial.write('/7/0/8', 60);
    expect(await trial.read('/7/0/8')).toEqual({ '/7/0/8': 60 });
    await trial.write('/7/0/8', 0);
  });

  testCase(group, { id: 'int-910', title: 'Observation and notification of Connectivity Statistics' }, anyone, async (trial) => {
    await trial.write('/7/0/8', 0);
    await trial.observe({ path: '/7/0', attributes: { pmin: 1, pmax: 10 } });
    await trial.notification(['/7/0']);
    await trial.succeeds('2.04', { op: 'execute', path: '/7/0/6' });
    trial.player.setValue('/7/0/3', 21);
    expect(byPath(await trial.notification(['/7/0']))).toMatchObject({ '/7/0/3': 21 });
    await trial.succeeds('2.04', { op: 'execute', path: '/7/0/7' });
    await trial.observe();
  });
});
