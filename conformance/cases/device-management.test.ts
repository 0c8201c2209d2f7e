/** Test cases of device management and service enablement with single operations, 201 to 261 (OMA LwM2M Core 1.1 §6.3). */
import { eventTypes } from '@cluster/contracts';
import { expect } from 'vitest';
import { leshan, simulator, simulatorOnly, type Player } from '../src/players.ts';
import { describeCases, shared, testCase } from '../src/test-case.ts';
import type { Trial } from '../src/trial.ts';

const MANUFACTURERS: Readonly<Record<string, string>> = { Leshan: 'Eclipse Leshan', simulator: 'Open Mobile Alliance' };
const manufacturer = ({ endpoint }: Trial): string | undefined => MANUFACTURERS[endpoint.split('-')[0] ?? ''];

/** "int-215" of the specification: 2, 3, 5, 6 and 7 of the server's object. */
const SERVER_TLV = Buffer.from('c10265c20303f2c20507d0c10601c10755', 'hex').toString('base64');
const SERVER_VALUES = { '/1/0/2': 101, '/1/0/3': 1010, '/1/0/5': 2000, '/1/0/6': true, '/1/0/7': 'U' };
const SERVER_WRITES = Object.entries(SERVER_VALUES).map(([path, value]) => ({ path, value }));

describeCases('Device management and service enablement', (group) => {
  const device = shared(simulator());
  const thirdParty = [shared(leshan())];
  const anyone = [...thirdParty, device];
  const noDisableTimeout = simulatorOnly('Leshan does not have the resource Disable Timeout', device);

  testCase(group, { id: 'int-201', title: 'Querying basic information in Plain Text format' }, anyone, async (trial) => {
    expect(await trial.read('/3/0/0', 0)).toEqual({ '/3/0/0': manufacturer(trial) });
    expect(await trial.read('/3/0/1', 0)).toEqual({ '/3/0/1': expect.any(String) });
    expect(await trial.read('/3/0/2', 0)).toEqual({ '/3/0/2': expect.any(String) });
  });

  const formats = [
    { id: 'int-203', title: 'Querying basic information in TLV format', format: 11_542 },
    { id: 'int-204', title: 'Querying basic information in JSON format', format: 11_543 },
  ];
  for (const { id, title, format } of formats) {
    testCase(group, { id, title }, anyone, async (trial) => {
      const expected = { '/3/0/0': manufacturer(trial), '/3/0/7/0': 3_800, '/3/0/7/1': 5_000, '/3/0/11/0': 0, '/3/0/16': 'U' };
      expect(await trial.read('/3/0', format)).toMatchObject(expected);
    });
  }

  testCase(group, { id: 'int-205', title: 'Setting basic information in Plain Text format' }, noDisableTimeout, async (trial) => {
    await setAndVerify(trial, { '/1/0/2': 101, '/1/0/3': 1010, '/1/0/5': 2000 }, 0);
  });

  testCase(group, { id: 'int-211', title: 'Querying basic information in CBOR format' }, anyone, async (trial) => {
    expect(await trial.read('/1/0/0', 60)).toEqual({ '/1/0/0': 123 });
    expect(await trial.read('/1/0/6', 60)).toEqual({ '/1/0/6': expect.any(Boolean) });
    expect(await trial.read('/1/0/7', 60)).toEqual({ '/1/0/7': 'U' });
  });

  testCase(group, { id: 'int-212', title: 'Setting basic information in CBOR format' }, anyone, async (trial) => {
    await setAndVerify(trial, { '/1/0/2': 102, '/1/0/3': 1020, '/1/0/6': true }, 60);
  });

  testCase(group, { id: 'int-215', title: 'Setting basic information in TLV format' }, noDisableTimeout, async (trial) => {
    await trial.succeeds('2.04', { op: 'write-partial', path: '/1/0', payloadBase64: SERVER_TLV, contentFormat: 11_542 });
    expect(await trial.read('/1/0', 11_542)).toMatchObject({ ...SERVER_VALUES, '/1/0/1': 300 });
    await replaceServer(trial, 11_542);
  });

  testCase(group, { id: 'int-220', title: 'Setting basic information in JSON format' }, noDisableTimeout, async (trial) => {
    await trial.succeeds('2.04', { op: 'write-partial', path: '/1/0', values: SERVER_WRITES, contentFormat: 11_543 });
    expect(await trial.read('/1/0', 11_543)).toMatchObject({ ...SERVER_VALUES, '/1/0/1': 300 });
    await replaceServer(trial, 11_543);
  });

  const noSecurityObject = simulatorOnly('Leshan answers 4.04, and 2.04 to Write-Attributes', device);
  testCase(group, { id: 'int-221', title: 'Attempt to perform operations on Security' }, noSecurityObject, async (trial) => {
    const requests = new Set<number | undefined>();
    trial.player.device.faults.loseIncoming = ({ code, messageId }) => {
      if (/^0\.0[1-7]$/.test(code)) requests.add(messageId);
      return false;
    };
    await trial.succeeds('4.01', { op: 'read', path: '/0' });
    await trial.succeeds('4.01', { op: 'write', path: '/0/0/0', value: 'coap://127.0.0.1' });
    await trial.succeeds('4.01', { op: 'write-attributes', path: '/0', attributes: { pmin: 10, pmax: 20 } });
    expect(requests.size).toBe(3); // each reached the client, once
    await trial.read('/3/0/0'); // the registration goes on
    trial.player.device.faults.clear();
  });

  testCase(group, { id: 'int-222', title: 'Read on Object' }, anyone, async (trial) => {
    expect(await trial.read('/1')).toMatchObject({ '/1/0/0': 123, '/1/0/7': 'U' });
    expect(await trial.read('/3')).toMatchObject({ '/3/0/0': manufacturer(trial), '/3/0/16': 'U' });
  });

  testCase(group, { id: 'int-223', title: 'Read on Object Instance' }, anyone, async (trial) => {
    expect(await trial.read('/1/0')).toMatchObject({ '/1/0/0': 123, '/1/0/7': 'U' });
    expect(await trial.read('/3/0')).toMatchObject({ '/3/0/0': manufacturer(trial), '/3/0/16': 'U' });
  });

  testCase(group, { id: 'int-224', title: 'Read on Resource' }, anyone, async (trial) => {
    const expected = { '/1/0/0': 123, '/1/0/1': 300, '/1/0/6': expect.any(Boolean), '/1/0/7': 'U', '/3/0/16': 'U' };
    for (const [path, value] of Object.entries(expected)) expect(await trial.read(path)).toEqual({ [path]: value });
  });

  testCase(group, { id: 'int-225', title: 'Read on Resource Instance' }, anyone, async (trial) => {
    expect(await trial.read('/3/0/11/0')).toEqual({ '/3/0/11/0': 0 });
  });

  testCase(group, { id: 'int-226', title: 'Write (Partial Update) on Object Instance' }, anyone, async (trial) => {
    const values = [{ path: '/1/0/1', value: 61 }, { path: '/1/0/6', value: true }];
    await trial.succeeds('2.04', { op: 'write-partial', path: '/1/0', values });
    await updatedTo(trial, 61);
    expect(await trial.read('/1/0')).toMatchObject({ '/1/0/1': 61, '/1/0/6': true, '/1/0/7': 'U' });
    await trial.write('/1/0/1', 300);
    await updatedTo(trial, 300);
  });

  testCase(group, { id: 'int-227', title: 'Write (replace) on Resource' }, anyone, async (trial) => {
    await trial.write('/1/0/1', 63);
    await updatedTo(trial, 63);
    expect(await trial.read('/1/0/1')).toEqual({ '/1/0/1': 63 });
    await trial.write('/1/0/1', 300);
    await updatedTo(trial, 300);
  });

  testCase(group, { id: 'int-237', title: 'Read on Object without specifying Content-Format' }, simulatorOnly(
    'Leshan announces its formats, so that the server always names one', simulator({ contentFormats: [0, 40, 42, 60] }),
  ), async (trial) => {
    let accepted: unknown;
    trial.player.device.faults.loseIncoming = ({ code, ...message }) => {
      const { options } = message as unknown as { options: { name: string }[] };
      if (code === '0.01') accepted = options.find(({ name }) => name === 'Accept');
      return false;
    };
    await trial.player.register();
    for (const path of ['/1', '/3']) {
      const response = await trial.succeeds('2.05', { op: 'read', path });
      expect(accepted).toBeUndefined();
      expect(response.contentFormat).toBe(112); // the device's own choice
      expect(response.values?.length).toBeGreaterThan(4);
    }
  });

  testCase(group, { id: 'int-241', title: 'Executable Resource: Rebooting the device' }, [
    leshan(), simulator({ automatic: false }),
  ], async (trial) => {
    await trial.player.register();
    const first = (await trial.heard(eventTypes.registered)).data as { registrationId: string };
    await trial.succeeds('2.04', { op: 'execute', path: '/3/0/4' });
    await trial.player.restart();
    const second = (await trial.heard(eventTypes.registered)).data as { registrationId: string };
    expect(second.registrationId).not.toBe(first.registrationId);
    expect(await trial.view()).toMatchObject({ state: 'registered', registrationId: second.registrationId });
  });

  testCase(group, { id: 'int-256', title: 'Write Operation Failure' }, anyone, async (trial) => {
    const before = await trial.read('/1/0/0');
    await trial.succeeds('4.05', { op: 'write', path: '/1/0/0', value: 124 });
    expect(await trial.read('/1/0/0')).toEqual(before);
  });

  testCase(group, { id: 'int-260', title: 'Discover Command' }, anyone, async (trial) => {
    const links = await trial.discover('/3');
    for (const resource of [0, 1, 2, 4, 7, 16]) expect(links.some((link) => link.startsWith(`</3/0/${resource}>`))).toBe(true);
    expect(links.find((link) => link.startsWith('</3/0/7>'))).toContain('dim=2');
    await trial.writeAttributes('/3', { pmin: 10, pmax: 200 });
    expect((await trial.discover('/3'))[0]).toMatch(/^<\/3>.*;pmin=10;pmax=200/);
    await trial.writeAttributes('/3/0/7', { lt: 1, gt: 6, st: 1 });
    const [resource = ''] = await trial.discover('/3/0/7');
    for (const attribute of ['lt=1', 'gt=6', 'st=1', 'dim=2']) expect(resource.split(';')).toContain(attribute);
    await trial.writeAttributes('/3/0/7', { lt: null, gt: null, st: null });
    await trial.writeAttributes('/3', { pmin: null, pmax: null });
    expect((await trial.discover('/3/0/7'))[0]).not.toMatch(/lt|gt|st/);
  });

  testCase(group, { id: 'int-261', title: 'Write-Attributes Operation on a multiple resource' }, thirdParty, async (trial) => {
    await trial.writeAttributes('/3', { pmin: 10, pmax: 200 });
    await trial.writeAttributes('/3/0', { pmax: 320 });
    await trial.writeAttributes('/3/0/11/0', { pmax: 100, epmin: 1, epmax: 20 });
    const links = await trial.discover('/3/0/11');
    expect(links.find((link) => link.startsWith('</3/0/11>'))).toContain('dim=1');
    const [instance] = links.filter((link) => link.startsWith('</3/0/11/0>'));
    for (const attribute of ['pmax=100', 'epmin=1', 'epmax=20']) expect(instance?.split(';')).toContain(attribute);
    await trial.writeAttributes('/3/0/11/0', { pmax: null, epmin: null, epmax: null });
    await trial.writeAttributes('/3/0', { pmax: null });
    await trial.writeAttributes('/3', { pmin: null, pmax: null });
  });
});

/** Sets the values one by one, sees them in the whole instance, and puts back what was there. */
async function setAndVerify(trial: Trial, values: Readonly<Record<string, number | boolean>>, format: number): Promise<void> {
  const before = await trial.read('/1/0', 11_542);
  for (const [path, value] of Object.entries(values)) await trial.write(path, value, format);
  expect(await trial.read('/1/0', 11_542)).toMatchObject(values);
  for (const path of Object.keys(values)) if (before[path] !== undefined) await trial.write(path, before[path]);
}

/** Writes the whole server object anew: what is not named is gone or back at its default. */
async function replaceServer(trial: Trial<Player>, contentFormat: number): Promise<void> {
  const values = [
    { path: '/1/0/1', value: 300 }, { path: '/1/0/5', value: 86_400 }, { path: '/1/0/6', value: false }, { path: '/1/0/7', value: 'U' },
  ];
  await trial.succeeds('2.04', { op: 'write', path: '/1/0', values, contentFormat });
  const after = await trial.read('/1/0', contentFormat);
  expect(after).toMatchObject({ '/1/0/1': 300, '/1/0/5': 86_400, '/1/0/6': false, '/1/0/7': 'U' });
  expect(after).not.toHaveProperty('/1/0/2');
}

async function updatedTo(trial: Trial, lifetimeS: number): Promise<void> {
  await trial.heard(eventTypes.updated, ({ data }) => (data as { lifetimeS: number }).lifetimeS === lifetimeS);
}
